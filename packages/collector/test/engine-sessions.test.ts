import { ATTR, type Register } from '@agent-custody/chain';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ANYONE, EngineBench, GRACE_MS, IDLE_MS } from './engine-fixtures.js';
import { newId, plainSpan, scannedOf, sessionOf } from './sessions.js';

let bench: EngineBench;

beforeEach(() => {
  bench = new EngineBench();
});

afterEach(() => bench.close());

describe('sessions beyond the bound in memory', () => {
  test('are judged rightly all the same, held links and idle limits included', async () => {
    await bench.engine.close();
    bench.engine = bench.open({ sessionsInMemory: 3 });
    const sessions = Array.from({ length: 12 }, () => sessionOf({ ended: false }));
    for (const links of sessions) await bench.engine.ingest(scannedOf(links.filter((link) => link.seq !== 4)), ANYONE);
    for (const links of sessions.slice(6)) await bench.engine.ingest(scannedOf(links.filter((link) => link.seq === 4)), ANYONE);
    expect(sessions.flatMap((links) => bench.codes(links[0]?.session ?? ''))).toEqual([]);
    bench.clock.pass(GRACE_MS);
    bench.engine.tick();
    bench.engine.tick();
    expect(sessions.slice(0, 6).map((links) => bench.codes(links[0]?.session ?? ''))).toEqual(Array(6).fill(['gap@4']));
    expect(sessions.slice(6).flatMap((links) => bench.codes(links[0]?.session ?? ''))).toEqual([]);
    bench.clock.pass(IDLE_MS - GRACE_MS);
    bench.engine.tick();
    bench.engine.tick();
    for (const links of sessions.slice(6)) expect(bench.codes(links[0]?.session ?? '')).toEqual(['unclosed@5']);
    expect(bench.outbox().filter((span) => span.service === 'agent')).toHaveLength(12 * 5 - 6);
  });
});

test('verdict counts follow the sessions, and start from what is on record', async () => {
  await bench.engine.ingest(scannedOf([...sessionOf(), ...sessionOf({ ended: false })]), ANYONE);
  const expected = expect.arrayContaining([
    { integrity: 'intact', completeness: 'complete', authority: 'unknown', sessions: 1 },
    { integrity: 'intact', completeness: 'open', authority: 'unknown', sessions: 1 },
  ]);
  expect(bench.engine.verdictCounts()).toEqual(expected);
  bench.engine = bench.open();
  expect(bench.engine.verdictCounts()).toEqual(expected);
});

test('sessions are listed newest first, and pages neither repeat nor skip one that comes in between', async () => {
  const ids = Array.from({ length: 5 }, () => newId(16));
  for (const id of ids) await bench.engine.ingest(scannedOf(sessionOf({ id })), ANYONE);
  const first = bench.engine.reports({ limit: 2 });
  await bench.engine.ingest(scannedOf(sessionOf()), ANYONE);
  const second = bench.engine.reports({ limit: 2, cursor: first.next });
  const third = bench.engine.reports({ limit: 2, cursor: second.next });
  expect([first, second, third].flatMap(({ items }) => items.map(({ session }) => session))).toEqual([...ids].reverse());
  expect(third.next).toBeUndefined();
});

describe('a token that is for some agents', () => {
  const bound = { agents: new Set(['billing-bot']) };

  test('has the spans of others rejected, and the rest taken', async () => {
    const own = sessionOf();
    const foreign = sessionOf({ agent: 'payroll-bot' });
    const answer = await bench.engine.ingest(scannedOf([...own, ...foreign], plainSpan()), bound);
    expect(answer).toMatchObject({ type: 'accepted', rejectedSpans: foreign.length, message: expect.stringContaining("'payroll-bot'") });
    expect(bench.engine.report(own[0]?.session ?? '')?.integrity).toBe('intact');
    expect(bench.engine.report(foreign[0]?.session ?? '')).toBeUndefined();
  });

  test('cannot put a link of its own into the session of another agent', async () => {
    const victim = sessionOf({ agent: 'payroll-bot' });
    const session = victim[0]?.session ?? '';
    await bench.engine.ingest(scannedOf(victim), ANYONE);
    const intruder = sessionOf({ id: session });
    expect(await bench.engine.ingest(scannedOf(intruder), bound)).toMatchObject({ rejectedSpans: intruder.length });
    expect(bench.codes(session)).toEqual([]);
  });

  test('cannot make another agent’s session look malformed', async () => {
    const victim = sessionOf({ agent: 'payroll-bot' });
    const session = victim[0]?.session ?? '';
    await bench.engine.ingest(scannedOf(victim), ANYONE);
    const { [ATTR.prev]: _, ...attributes } = victim[0]?.attributes ?? {};
    expect(await bench.engine.ingest(scannedOf([], { ...plainSpan(), attributes }), bound)).toMatchObject({ rejectedSpans: 1 });
    const { [ATTR.agentId]: __, ...anonymous } = attributes;
    expect(await bench.engine.ingest(scannedOf([], { ...plainSpan(), attributes: anonymous }), bound)).toMatchObject({ rejectedSpans: 1 });
    expect(bench.codes(session)).toEqual([]);
  });
});

describe('the register of approved states', () => {
  const entry = {
    agent: 'billing-bot',
    components: { system_prompt: 'a'.repeat(64) },
    by: 'bob@example.com',
    ticket: 'CHG-1234',
    from: '2020-01-01T00:00:00Z',
    until: null,
    withdrawn: null,
  };
  const register: Register = { version: 1, entries: [entry] };

  test('is announced entry by entry, once each, also over restarts', async () => {
    bench.engine.registerChanged(register);
    bench.engine.registerChanged(register);
    await bench.engine.close();
    bench.engine = bench.open({ register });
    expect(bench.named('register')).toMatchObject([
      {
        name: 'register billing-bot',
        service: 'agent-custody-collector',
        attributes: {
          [ATTR.agentId]: 'billing-bot',
          [ATTR.systemPrompt]: 'a'.repeat(64),
          [ATTR.registerBy]: 'bob@example.com',
          [ATTR.registerTicket]: 'CHG-1234',
        },
      },
    ]);
  });

  test('announces an entry again when it is withdrawn, in the same trace', () => {
    bench.engine.registerChanged(register);
    bench.engine.registerChanged({ version: 1, entries: [{ ...entry, withdrawn: '2026-01-01T00:00:00Z' }] });
    const [written, withdrawn] = bench.named('register');
    expect(withdrawn?.attributes[ATTR.registerWithdrawn]).toBe('2026-01-01T00:00:00Z');
    expect(withdrawn?.traceId).toBe(written?.traceId);
  });

  test('judges sessions from the moment it is in force', async () => {
    const before = sessionOf({ components: { system_prompt: '9'.repeat(64), tools: 'b'.repeat(64), memory: 'c'.repeat(64) } });
    await bench.engine.ingest(scannedOf(before), ANYONE);
    bench.engine.registerChanged(register);
    const approved = sessionOf();
    const deviating = sessionOf({ components: { system_prompt: '9'.repeat(64), tools: 'b'.repeat(64), memory: 'c'.repeat(64) } });
    await bench.engine.ingest(scannedOf([...approved, ...deviating]), ANYONE);
    expect(bench.engine.report(before[0]?.session ?? '')?.authority).toBe('unknown');
    expect(bench.engine.report(approved[0]?.session ?? '')?.authority).toBe('approved');
    expect(bench.engine.report(deviating[0]?.session ?? '')?.authority).toBe('deviated');
  });
});
