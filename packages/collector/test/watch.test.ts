import type { Finding, FindingCode, Register } from '@agent-custody/chain';
import { describe, expect, it } from 'vitest';
import type { SessionRow } from '../src/ledger/index.js';
import { openSqliteLedger } from '../src/ledger/index.js';
import { OpenFindings } from '../src/watch/open-findings.js';
import { OutboxAge } from '../src/watch/outbox-age.js';
import { SilenceWatch } from '../src/watch/silence.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOW = Date.parse('2026-11-20T12:00:00Z');

const id = (n: number): string => n.toString(16).padStart(32, '0');

function finding(session: string, code: FindingCode = 'broken_link', seq = 3, more: Partial<Finding> = {}): Finding {
  return { session, code, severity: 'critical', seq, detail: '', healed: false, traceId: id(99), spanId: '1'.repeat(16), ...more };
}

function row(session: string, agent: string, firstSeenMs: number, lastSeenMs = firstSeenMs): SessionRow {
  return {
    session,
    agent,
    agentName: agent,
    principal: '',
    owner: '',
    fingerprint: '',
    highestSeq: 1,
    traceId: id(1),
    spanId: '1'.repeat(16),
    links: 1,
    openFindings: 0,
    integrity: 'intact',
    completeness: 'complete',
    authority: 'unknown',
    firstSeenMs,
    lastSeenMs,
    waiting: false,
  };
}

describe('open findings', () => {
  const first = (of: Finding) => [{ finding: of, first: true }];

  it('name the session, the agent and the span of what is wrong', () => {
    const ledger = openSqliteLedger(':memory:');
    ledger.saveSession(row(id(1), 'billing-bot', NOW));
    const open = new OpenFindings(ledger, NOW);
    open.reported(first(finding(id(1))), NOW);
    expect(open.named(NOW)).toEqual([{ finding: finding(id(1)), reportedAtMs: NOW, agent: 'billing-bot' }]);
  });

  it('are the newest 20 sessions of each code, and a flood of one code hides no other', () => {
    const open = new OpenFindings(openSqliteLedger(':memory:'), NOW);
    open.reported(first(finding(id(1), 'fork')), NOW);
    for (let n = 1; n <= 50; n++) open.reported(first(finding(id(n), 'gap', 2, { severity: 'high' })), NOW + n);
    const named = open.named(NOW);
    expect(named.filter(({ finding }) => finding.code === 'fork')).toHaveLength(1);
    expect(named.filter(({ finding }) => finding.code === 'gap').map(({ finding }) => finding.session)).toEqual(
      Array.from({ length: 20 }, (_, n) => id(31 + n)),
    );
  });

  it('keep the first of a code in a session, so that an alert stays the same', () => {
    const open = new OpenFindings(openSqliteLedger(':memory:'), NOW);
    open.reported(first(finding(id(1), 'broken_link', 7)), NOW);
    open.reported(first(finding(id(1), 'broken_link', 3)), NOW + 1);
    expect(open.named(NOW).map(({ finding }) => finding.seq)).toEqual([7]);
  });

  it('end when they heal, unless another of the code stands in that session', () => {
    const ledger = openSqliteLedger(':memory:');
    const open = new OpenFindings(ledger, NOW);
    const report = (of: Finding): void => {
      ledger.recordFinding(of, NOW);
      open.reported([{ finding: of, first: !of.healed }], NOW);
    };
    report(finding(id(1), 'gap', 3));
    report(finding(id(1), 'gap', 9));
    report(finding(id(1), 'gap', 3, { healed: true }));
    expect(open.named(NOW).map(({ finding }) => finding.seq)).toEqual([9]);
    report(finding(id(1), 'gap', 9, { healed: true }));
    expect(open.named(NOW)).toEqual([]);
  });

  it('are the same after a restart', () => {
    const ledger = openSqliteLedger(':memory:');
    for (let n = 1; n <= 30; n++) ledger.recordFinding(finding(id(n), 'fork'), NOW - 31 + n);
    ledger.recordFinding(finding(id(40), 'gap', 2, { healed: true }), NOW);
    ledger.recordFinding(finding(id(41), 'late', 2, { severity: 'info' }), NOW);
    const open = new OpenFindings(ledger, NOW);
    expect(open.named(NOW).map(({ finding }) => finding.session)).toEqual(Array.from({ length: 20 }, (_, n) => id(11 + n)));
    open.reported(first(finding(id(50), 'fork')), NOW);
    expect(open.named(NOW).map(({ finding }) => finding.session)).not.toContain(id(11));
  });

  it('are of the last day', () => {
    const ledger = openSqliteLedger(':memory:');
    ledger.recordFinding(finding(id(1)), NOW - DAY - 1);
    ledger.recordFinding(finding(id(2)), NOW - DAY + 1);
    const open = new OpenFindings(ledger, NOW);
    expect(open.named(NOW).map(({ finding }) => finding.session)).toEqual([id(2)]);
    expect(open.named(NOW + 2)).toEqual([]);
  });

  it('show no control characters that an agent put into its id, and no more of it than fits an alert', () => {
    const ledger = openSqliteLedger(':memory:');
    ledger.saveSession(row(id(1), `\u001b[31m${'x'.repeat(500)}`, NOW));
    const open = new OpenFindings(ledger, NOW);
    open.reported(first(finding(id(1))), NOW);
    expect(open.named(NOW)[0]?.agent).toMatch(/^\\x1b\[31mx{120}$/);
  });
});

describe('the silence of agents', () => {
  const register = (...agents: readonly string[]): Register => ({
    version: 1,
    entries: agents.map((agent) => ({
      agent,
      components: {},
      by: 'bob',
      ticket: 'CHG-1',
      from: '2026-01-01T00:00:00Z',
      until: null,
      withdrawn: null,
    })),
  });

  /** An agent that ran at these times. */
  function watching(times: readonly number[], options: { expected?: Record<string, number>; startedMs?: number } = {}): SilenceWatch {
    const ledger = openSqliteLedger(':memory:');
    for (const [n, at] of times.entries()) ledger.saveSession(row(id(n + 1), 'nightly', at, at + MINUTE));
    ledger.saveSession(row(id(9999), 'other', NOW));
    const expected = new Map(Object.entries(options.expected ?? {}));
    const watch = new SilenceWatch(ledger, { expected, leastMs: 15 * MINUTE, startedMs: options.startedMs ?? NOW - 30 * DAY });
    watch.registerChanged(register('nightly'), NOW);
    return watch;
  }
  const daily = (days: number): number[] => Array.from({ length: days }, (_, n) => NOW - (days - n) * DAY);

  it('is held against twice the longest so far', () => {
    const [silence] = watching(daily(10)).silences(NOW);
    expect(silence).toEqual({ agent: 'nightly', lastHeardMs: NOW - DAY + MINUTE, silentMs: DAY - MINUTE, limitMs: 2 * (DAY - MINUTE) });
  });

  it('is no alarm over a weekend when there was one before', () => {
    const weekdays = daily(14).filter((_, n) => n % 7 < 5);
    const [silence] = watching(weekdays).silences(NOW);
    expect(silence?.limitMs).toBe(2 * (3 * DAY - MINUTE));
  });

  it.each([
    ['less than a week', daily(6)],
    ['too little against its longest silence', [NOW - 20 * DAY, NOW - 19 * DAY, NOW - 12 * DAY, NOW - 11 * DAY]],
    ['nothing', []],
  ])('has no limit while %s is on record', (_what, times) => {
    expect(watching(times).silences(NOW)[0]?.limitMs).toBeUndefined();
  });

  it('has no limit below the idle limit, within which a living session sends heartbeats', () => {
    const often = Array.from({ length: 12_000 }, (_, n) => NOW - n * MINUTE).reverse();
    expect(watching(often).silences(NOW)[0]?.limitMs).toBe(15 * MINUTE);
  });

  it('is held against the limit that was set, history or not', () => {
    const watch = watching(daily(10), { expected: { nightly: HOUR, unheard: DAY } });
    expect(watch.silences(NOW)).toMatchObject([
      { agent: 'nightly', limitMs: HOUR },
      { agent: 'unheard', limitMs: DAY, lastHeardMs: undefined, silentMs: 30 * DAY },
    ]);
  });

  it('does not count time in which the collector was not listening', () => {
    expect(watching(daily(10), { startedMs: NOW - HOUR }).silences(NOW)[0]?.silentMs).toBe(HOUR);
  });

  it('ends when the agent is heard of, and is learned from', () => {
    const watch = watching(daily(10));
    watch.heard({ agent: 'nightly', lastSeenMs: NOW + DAY });
    expect(watch.silences(NOW + DAY)[0]).toMatchObject({ silentMs: 0, limitMs: 2 * (2 * DAY - MINUTE) });
  });

  it('is watched of agents that the register approves now, and of no others', () => {
    const watch = watching(daily(10));
    const [entry] = register('nightly').entries;
    if (entry === undefined) throw new Error('no entry');
    for (const retired of [{ withdrawn: '2026-11-19T00:00:00Z' }, { until: '2026-11-19T00:00:00Z' }, { from: '2026-12-01T00:00:00Z' }]) {
      watch.registerChanged({ version: 1, entries: [{ ...entry, ...retired }] }, NOW);
      expect(watch.silences(NOW)).toEqual([]);
    }
    watch.registerChanged(register('nightly', 'other'), NOW);
    expect(watch.silences(NOW).map(({ agent }) => agent)).toEqual(['nightly', 'other']);
  });
});

describe('the age of the outbox', () => {
  it('is that of the oldest entry', () => {
    const age = new OutboxAge();
    expect(age.look({ oldest: 1, newest: 4 }, 1_000)).toBe(0);
    expect(age.look({ oldest: 1, newest: 9 }, 3_000)).toBe(2_000);
    expect(age.look({ oldest: 4, newest: 9 }, 4_000)).toBe(3_000);
    expect(age.look({ oldest: 5, newest: 9 }, 5_000)).toBe(2_000);
    expect(age.look(undefined, 6_000)).toBe(0);
    expect(age.look({ oldest: 10, newest: 10 }, 7_000)).toBe(0);
  });

  it('grows for as long as nothing leaves, whatever comes', () => {
    const age = new OutboxAge();
    let last = 0;
    for (let second = 0; second < 5_000; second++) last = age.look({ oldest: 1, newest: second + 1 }, second * 1_000);
    expect(last).toBe(4_999_000);
  });
});
