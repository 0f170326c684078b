import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { nodeHashing } from '../src/hashing.js';
import { openSqliteLedger, readSqliteLedger } from '../src/ledger/index.js';
import { exceptionCounts, reservations } from '../src/report/conclusions.js';
import { continuityOf } from '../src/report/continuity.js';
import { CONTROLS } from '../src/report/controls.js';
import { gatherReport, type ReportOptions } from '../src/report/gather.js';
import type { AuditReport } from '../src/report/model.js';
import { type Audited, auditedLedger, BEGAN_MS, NASTY } from './audited-ledger.js';
import { run } from './command.js';
import { tamperWithLinks } from './tampering.js';

vi.setConfig({ testTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), 'custody-report-'));
const DAY_MS = 86_400_000;
const entry = {
  agent: 'billing-bot',
  components: { system_prompt: 'a'.repeat(64) },
  by: 'bob@example.com',
  ticket: 'CHG-<1>',
  from: '2020-01-01T00:00:00Z',
  until: null,
  withdrawn: null,
};
const REGISTER = { version: 1 as const, entries: [entry, { ...entry, agent: NASTY, components: { memory: '1'.repeat(64) } }] };

let audited: Audited;
beforeAll(async () => {
  audited = await auditedLedger(join(folder, 'ledger.db'));
});

function gathered(path: string, options: Partial<ReportOptions> = {}): AuditReport {
  const ledger = readSqliteLedger(path);
  try {
    const { endsMs } = audited;
    return gatherReport(ledger, {
      ledgerName: path,
      sinceMs: BEGAN_MS,
      untilMs: endsMs,
      nowMs: endsMs,
      version: '0.1.0',
      hashing: nodeHashing,
      ...options,
    });
  } finally {
    ledger.close();
  }
}

describe('what a report says', () => {
  it('covers every session that was active in the period, and no other', () => {
    const { sessions } = gathered(audited.path);
    expect(sessions).toHaveLength(7 * 3 + 8);
    expect(sessions.map(({ session }) => session)).not.toContain(audited.sessions.pruned);
    const lastDay = gathered(audited.path, { sinceMs: audited.endsMs - DAY_MS / 8 }).sessions;
    expect(lastDay.map(({ session }) => session).sort()).toEqual(
      Object.entries(audited.sessions)
        .filter(([name]) => name !== 'pruned')
        .map(([, session]) => session)
        .sort(),
    );
    expect(gathered(audited.path, { untilMs: BEGAN_MS - 1, sinceMs: BEGAN_MS - DAY_MS }).sessions).toEqual([]);
  });

  it('names every exception, and says why the population is not shown to be complete', () => {
    const report = gathered(audited.path);
    expect(
      exceptionCounts(report)
        .map(({ code, count }) => `${code} ${count}`)
        .sort(),
    ).toEqual(['content_mismatch 1', 'executed_after_deny 1', 'gap 1']);
    expect(reservations(report)).toEqual([
      expect.stringMatching(/^The collector was not receiving for 6 h of the period, in 1 interval/),
      '1 session of the period is incomplete.',
      'Links are missing in 1 place.',
    ]);
  });

  it('has nothing to reserve of a ledger without faults', () => {
    const { sinceMs, untilMs } = { sinceMs: BEGAN_MS, untilMs: BEGAN_MS + 5 * DAY_MS };
    const report = gathered(audited.path, { sinceMs, untilMs });
    expect(reservations(report)).toEqual([]);
    expect(exceptionCounts(report)).toEqual([]);
  });

  it('judges anew: an edit of the ledger that nobody has noticed is an exception', async () => {
    const path = join(folder, 'edited.db');
    const { sessions } = await auditedLedger(path);
    expect(
      tamperWithLinks(path, ({ seq, preimage }, session) =>
        session === sessions.honest && seq === '2' ? { preimage: preimage.replace('send_email', 'wire_money') } : undefined,
      ),
    ).toBe(1);
    const found = gathered(path).exceptions.filter(({ finding }) => finding.session === sessions.honest);
    expect(found.map(({ finding, reportedAtMs }) => [finding.code, reportedAtMs])).toEqual([['content_mismatch', undefined]]);
  });

  it('tells which states ran, since when, and who approved each', () => {
    const { states, entries } = gathered(audited.path, { register: { path: 'register.json', content: REGISTER } });
    const told = states.map(({ agent, sessions, approvedBy }) => [
      agent === NASTY ? 'nasty' : agent,
      sessions,
      approvedBy?.map(({ ticket }) => ticket),
    ]);
    expect(told).toEqual([
      ['nasty', 1, ['CHG-<1>']],
      ['nasty', 1, []],
      ['billing-bot', 11, ['CHG-<1>']],
      ['orchestrator', 7, undefined],
      ['researcher', 8, undefined],
      ['trader', 2, undefined],
    ]);
    expect(entries).toHaveLength(2);
    expect(gathered(audited.path).states[0]?.approvedBy).toBeUndefined();
  });

  it('lists what humans and policy said, and what came of it', () => {
    const { approvals, denied } = gathered(audited.path);
    expect(approvals).toMatchObject([
      { agent: 'trader', tool: 'place_order', decision: 'approved', approver: 'bob@example.com', session: audited.sessions.approved },
    ]);
    expect(denied.map(({ session, by, rule, status }) => [session, by, rule, status])).toEqual([
      [audited.sessions.denied, 'policy', 'mail', 'denied'],
      [audited.sessions.ranDenied, 'policy', 'mail', 'ok'],
    ]);
  });

  it('lists agents that nobody answers for', () => {
    const { agents } = gathered(audited.path);
    const unowned = agents.filter(({ withoutOwner, withoutPrincipal }) => withoutOwner + withoutPrincipal > 0);
    expect(unowned.map(({ agent, withoutOwner, withoutPrincipal }) => [agent, withoutOwner, withoutPrincipal])).toEqual([[NASTY, 1, 1]]);
  });

  it('lists what was removed, and says when the list does not hold', () => {
    const { removals } = gathered(audited.path);
    expect(removals).toMatchObject({
      sound: true,
      prunings: [{ by: 'carol@example.com', sessions: 1, links: 4, sound: true }],
      erasures: [{ by: 'dpo@example.com', session: audited.sessions.erased, links: 2 }],
    });
  });

  it('speaks of findings that there are, in sections that there are', () => {
    const sections = CONTROLS.flatMap((control) => control.sections);
    expect(sections.every((section) => section >= 1 && section <= 10)).toBe(true);
    expect(CONTROLS.every(({ supports, sections: listed }) => supports !== '' && listed.length > 0)).toBe(true);
  });
});

describe('the times in which nothing could be recorded', () => {
  const minutes = (from: number, until: number, stopped = true) => ({ startedMs: from * 60_000, aliveMs: until * 60_000, stopped });
  const period = { sinceMs: 0, untilMs: 600_000, nowMs: 600_000 };
  const outages = (...runs: readonly ReturnType<typeof minutes>[]) =>
    continuityOf(runs, period).outages.map(({ fromMs, untilMs, why }) => `${fromMs / 60_000}-${untilMs / 60_000} ${why}`);

  it.each([
    ['none, when one collector ran throughout', [minutes(-5, 20)], []],
    ['between a stop and the next start', [minutes(-5, 3), minutes(6, 20)], ['3-6 stopped']],
    ['after a kill', [minutes(-5, 3, false), minutes(6, 20)], ['3-6 died']],
    ['before the first run that is on record', [minutes(4, 20)], ['0-4 unknown']],
    ['to the end, when it was stopped and not started', [minutes(-5, 3)], ['3-10 stopped']],
    ['not while it runs still, though its last word is a minute old', [minutes(-5, 9, false)], []],
    ['all of it, when there is no run at all', [], ['0-10 unknown']],
    ['not for a restart of seconds', [minutes(-5, 3), minutes(3.5, 20)], []],
    ['runs of another period count for nothing', [minutes(-20, -10), minutes(30, 40)], ['0-10 stopped']],
  ])('%s', (_what, runs, expected) => {
    expect(outages(...runs)).toEqual(expected);
  });
});

describe('agent-custody report', () => {
  async function reported(...args: readonly string[]): Promise<string> {
    const out = join(folder, 'report.html');
    const { status, stderr } = await run(['report', '--ledger', audited.path, '--out', out, ...args]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return readFileSync(out, 'utf8');
  }
  const until = () => new Date(audited.endsMs).toISOString();

  it('writes one file that fetches nothing and runs nothing, whatever an agent calls itself', async () => {
    const register = join(folder, 'register.json');
    writeFileSync(register, JSON.stringify(REGISTER));
    const html = await reported(
      '--until',
      until(),
      '--since',
      '30d',
      '--register',
      register,
      '--grafana-url',
      'https://grafana.example.com',
    );
    expect(/<(script|img|link|iframe|object|embed)|@import|url\(/i.exec(html)).toBeNull();
    expect(html).toContain('&lt;script>alert(1)&lt;/script>');
    expect(html).toContain('CHG-&lt;1>');
    expect(html).toContain('request &lt;7>');
    expect(html.includes('\u202E')).toBe(false);
    expect(
      [...html.matchAll(/(?:href|src|action)="([^"]*)"/g)].map(([, target]) => new URL((target ?? '').replaceAll('&amp;', '&')).origin),
    ).toEqual(expect.arrayContaining(['https://grafana.example.com']));
    expect(html).toContain("default-src 'none'");
  });

  it('never claims that a control is met', async () => {
    const html = await reported('--until', until());
    expect(html).toContain('It does not say that a control is met');
    expect(html).not.toMatch(/\bcompl(y|ies|iant)\b/i);
  });

  it('prints without a page that is cut: one that is left by its table heads', async () => {
    const html = await reported('--until', until());
    expect(html).toContain('size: A4');
    expect(html).toContain('table-header-group');
    expect(html).toContain('break-inside: avoid');
  });

  it.each([
    [['--since', 'yesterday'], "--since 'yesterday'"],
    [['--until', '2027'], "--until '2027'"],
    [['--since', '2027-01-01', '--until', '2026-01-01'], 'would end before it begins'],
  ])('refuses %j', async (args, says) => {
    const { status, stderr } = await run(['report', '--ledger', audited.path, '--out', join(folder, 'no.html'), ...args]);
    expect({ status, stderr }).toEqual({ status: 64, stderr: expect.stringContaining(says) });
    expect(existsSync(join(folder, 'no.html'))).toBe(false);
  });

  it.each(['retain', 'erase', 'export', 'report'])('%s --help fits 80 columns', async (command) => {
    const { status, stdout } = await run([command, '--help']);
    expect(status).toBe(0);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('reads a ledger that a collector is writing', async () => {
    const ledger = openSqliteLedger(audited.path);
    const html = await reported('--until', until());
    ledger.close();
    expect(html).toContain('Record of AI agent sessions');
  });
});
