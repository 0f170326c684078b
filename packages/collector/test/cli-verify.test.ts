import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import type { SessionJson } from '../src/report-json.js';
import { startCollector } from '../src/service.js';
import { run } from './command.js';
import { COMPONENTS, edited, recordSession, requestOf, send } from './recorded-session.js';
import { tamperWithLinks } from './tampering.js';

// Each test starts processes; how long that takes on a busy machine is no claim of theirs.
vi.setConfig({ testTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), 'custody-cli-'));
let files = 0;
function file(text: string): string {
  const path = join(folder, `${files++}`);
  writeFileSync(path, text);
  return path;
}
const lines = (...sessions: ReturnType<typeof recordSession>[]) =>
  `${sessions.map((links) => JSON.stringify(requestOf(links))).join('\n')}\n`;
const json = (stdout: string) => JSON.parse(stdout) as SessionJson[];
const id = (links: ReturnType<typeof recordSession>) => links[0]?.session ?? '';

const clean = recordSession();
const broken = recordSession().map((link) => (link.seq === 2 ? edited(link) : link));
const incomplete = recordSession().filter(({ seq }) => seq !== 3);
const deviated = recordSession({ runDenied: true });

describe('agent-custody verify --file', () => {
  it.each([
    ['0: intact and complete', [clean], 0],
    ['1: integrity broken', [broken], 1],
    ['2: incomplete', [incomplete], 2],
    ['3: authority deviated', [deviated], 3],
    ['2 before 3', [deviated, incomplete], 2],
    ['1 before all', [deviated, incomplete, broken, clean], 1],
    ['2: nothing to verify', [], 2],
  ] as const)('exits with %s', async (_what, sessions, status) => {
    const { status: exited, stderr } = await run(['verify', '--file', file(lines(...sessions)), '--json']);
    expect({ exited, stderr }).toEqual({ exited: status, stderr: '' });
  });

  it('prints an array of sessions as JSON, in the fields that others rely on', async () => {
    const { stdout } = await run(['verify', '--file', file(lines(clean, deviated)), '--json']);
    expect(json(stdout)).toEqual([
      {
        session: id(clean),
        agent: 'billing-bot',
        integrity: 'intact',
        completeness: 'complete',
        authority: 'unknown',
        links: 6,
        findings: [],
      },
      {
        session: id(deviated),
        agent: 'billing-bot',
        integrity: 'intact',
        completeness: 'complete',
        authority: 'deviated',
        links: 6,
        findings: [3, 5].map((seq) => ({
          code: 'executed_after_deny',
          severity: 'critical',
          seq,
          detail: expect.any(String),
          healed: false,
          trace_id: deviated[seq - 1]?.traceId,
          span_id: deviated[seq - 1]?.spanId,
        })),
      },
    ]);
  });

  it('reads standard input, and judges it at rest: nothing more will come', async () => {
    const { status, stdout } = await run(['verify', '--file', '-', '--json'], { input: lines(recordSession({ end: false })) });
    expect(status).toBe(2);
    expect(json(stdout)[0]?.findings.map(({ code }) => code)).toEqual(['unclosed']);
  });

  it('names a line that it cannot read, and loses nothing else', async () => {
    const path = file(`${lines(clean)}{"resourceSpans": [\n${lines(deviated)}`);
    const { status, stdout, stderr } = await run(['verify', '--file', path, '--json']);
    expect(status).toBe(2);
    expect(stderr).toMatch(new RegExp(`^agent-custody: ${path}, line 2: no JSON: .*left out\n$`));
    expect(json(stdout).map(({ session }) => session)).toEqual([id(clean), id(deviated)]);
  });

  it('--session prints one of all that it reads, and exits by that one', async () => {
    const path = file(lines(broken, clean));
    const { status, stdout } = await run(['verify', '--file', path, '--json', '--session', id(clean)]);
    expect([status, json(stdout).map(({ session }) => session)]).toEqual([0, [id(clean)]]);
    expect((await run(['verify', '--file', path, '--session', '0'.repeat(32)])).status).toBe(2);
  });

  it('--register judges authority', async () => {
    const entry = {
      agent: 'billing-bot',
      components: { tools: COMPONENTS.tools },
      by: 'bob',
      ticket: 'CHG-1',
      from: '2020-01-01T00:00:00Z',
    };
    const register = file(JSON.stringify({ version: 1, entries: [entry] }));
    const { stdout } = await run([
      'verify',
      '--file',
      file(lines(clean, recordSession({ change: true }))),
      '--json',
      '--register',
      register,
    ]);
    expect(json(stdout).map(({ authority, findings }) => [authority, findings.map(({ code }) => code)])).toEqual([
      ['approved', []],
      ['deviated', ['fingerprint_drift']],
    ]);
  });

  it('keeps spans that state no session in sight', async () => {
    const request = requestOf(clean) as { resourceSpans: { scopeSpans: { spans: { attributes: { key: string }[] }[] }[] }[] };
    const span = request.resourceSpans[0]?.scopeSpans[0]?.spans[0];
    if (span) span.attributes = span.attributes.filter(({ key }) => key !== 'custody.session.id');
    const { status, stdout } = await run(['verify', '--file', file(JSON.stringify(request)), '--json']);
    expect(status).toBe(1);
    expect(
      json(stdout)
        .find(({ session }) => session === '')
        ?.findings.map(({ code }) => code),
    ).toEqual(['malformed']);
  });

  it('tells people what was found, without colour where there is no terminal', async () => {
    const { stdout } = await run(['verify', '--file', file(lines(broken))]);
    expect(stdout).toMatch(/integrity broken.*\n.*critical content_mismatch +seq 2\n/);
    expect(stdout).not.toContain('\u001b');
  });
});

describe('agent-custody verify --ledger', () => {
  it('reads a ledger while the collector writes it', async () => {
    const ledger = join(mkdtempSync(join(tmpdir(), 'custody-cli-')), 'ledger.db');
    const collector = await startCollector({ listen: { host: '127.0.0.1', port: 0 }, ledger, log: pino({ level: 'silent' }) });
    try {
      await send(collector.url, clean);
      const open = recordSession({ end: false });
      await send(collector.url, open);
      const now = await run(['verify', '--ledger', ledger, '--json']);
      expect([now.status, json(now.stdout).map(({ completeness }) => completeness)]).toEqual([0, ['complete', 'open']]);
      const rest = await run(['verify', '--json', '--at-rest'], { env: { CUSTODY_LEDGER: ledger } });
      expect([rest.status, json(rest.stdout).map(({ completeness }) => completeness)]).toEqual([2, ['complete', 'incomplete']]);
    } finally {
      await collector.close();
    }
  });
});

describe('a ledger with a row that cannot be read', () => {
  it.each([
    ['no JSON', 'gone'],
    ['JSON of another shape', '[]'],
    ['attributes of no type that a link has', '{"attributes":{"custody.version":null},"span_id":"","trace_id":""}'],
  ])('(%s) is malformed at its place, and the rest is judged', async (_what, preimage) => {
    const ledger = join(mkdtempSync(join(tmpdir(), 'custody-cli-')), 'ledger.db');
    const collector = await startCollector({ listen: { host: '127.0.0.1', port: 0 }, ledger, log: pino({ level: 'silent' }) });
    const other = recordSession();
    await send(collector.url, clean);
    await send(collector.url, other);
    await collector.close();
    const session = id(clean);
    tamperWithLinks(ledger, (line, of) => (of === session && line.seq === '2' ? { preimage } : undefined));
    const { status, stdout } = await run(['verify', '--ledger', ledger, '--json']);
    expect(status).toBe(1);
    const sessions = JSON.parse(stdout) as { session: string; integrity: string; findings: { code: string; seq: number }[] }[];
    expect(sessions.find(({ session }) => session === other[0]?.session)).toMatchObject({ integrity: 'intact', findings: [] });
    expect(sessions.find(({ session }) => session === clean[0]?.session)).toMatchObject({
      integrity: 'broken',
      findings: expect.arrayContaining([expect.objectContaining({ code: 'malformed', seq: 2 })]),
    });
  });
});

describe('agent-custody', () => {
  it('prints its version', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
    expect(await run(['--version'])).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('token makes a token and the setting that lets it in', async () => {
    const { stdout } = await run(['token', '--agent', 'billing-bot', 'other-bot']);
    const token = /custody_[A-Za-z0-9_-]{43}/.exec(stdout)?.[0];
    expect(token).toBeDefined();
    expect(stdout).toMatch(/--ingest-token '[0-9a-f]{64}:billing-bot,other-bot'/);
    expect(stdout.match(/[0-9a-f]{64}/g)?.every((hash) => hash !== token)).toBe(true);
  });
});
