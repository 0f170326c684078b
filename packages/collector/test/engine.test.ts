import { ATTR } from '@agent-custody/chain';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ACCEPTED, ANYONE, EngineBench, GRACE_MS } from './engine-fixtures.js';
import { edited, plainSpan, scannedOf, sessionOf } from './sessions.js';
import type { StoredSpan } from './stored-spans.js';

let bench: EngineBench;

beforeEach(() => {
  bench = new EngineBench();
});

afterEach(() => bench.close());

const statusOf = (span: StoredSpan | undefined): unknown => span?.attributes[ATTR.status];

describe('an honest session', () => {
  test('is on record, judged, and in the outbox with the status of each link', async () => {
    const links = sessionOf({ agent: 'billing-bot' });
    const session = links[0]?.session ?? '';
    expect(await bench.engine.ingest(scannedOf(links), ANYONE)).toEqual(ACCEPTED);
    expect(bench.engine.report(session)).toMatchObject({
      session,
      agent: 'billing-bot',
      agentName: 'billing-bot name',
      principal: 'ann@example.com',
      integrity: 'intact',
      completeness: 'complete',
      authority: 'unknown',
      links: links.length,
      findings: [],
    });
    const forwarded = bench.outbox().filter((span) => span.service === 'agent');
    expect(forwarded.map((span) => span.spanId)).toEqual(links.map((link) => link.spanId));
    expect(forwarded.map(statusOf)).toEqual(links.map(() => 'linked'));
    expect(bench.metrics.links).toEqual({
      'session.start linked': 1,
      'action.intent linked': 2,
      'action.outcome linked': 2,
      'session.end linked': 1,
    });
    expect(bench.wakes).toBe(1);
  });

  test('is listed with its links in order, attributes and content and all', async () => {
    const links = sessionOf();
    await bench.engine.ingest(scannedOf([...links].reverse()), ANYONE);
    const recorded = bench.engine.links(links[0]?.session ?? '');
    expect(recorded.map(({ link, status }) => [link.seq, link.hash, status])).toEqual(links.map((link) => [link.seq, link.hash, 'linked']));
    expect(recorded[1]?.link.attributes[ATTR.toolName]).toBe('send_email');
  });

  test('has a verdict span for each change of its verdict, in its trace, that nobody can take for a link', async () => {
    const links = sessionOf();
    await bench.engine.ingest(scannedOf(links.slice(0, 3)), ANYONE);
    await bench.engine.ingest(scannedOf(links.slice(3, 4)), ANYONE);
    await bench.engine.ingest(scannedOf(links.slice(4)), ANYONE);
    const verdicts = bench.named('verdict');
    expect(verdicts.map((span) => span.attributes[ATTR.verdictCompleteness])).toEqual(['open', 'complete']);
    const [, last] = verdicts;
    expect(last).toMatchObject({
      name: 'verdict billing-bot name',
      service: 'agent-custody-collector',
      traceId: links[0]?.traceId,
      parentSpanId: links[0]?.spanId,
    });
    expect(last?.attributes).toMatchObject({
      [ATTR.verdictIntegrity]: 'intact',
      [ATTR.verdictAuthority]: 'unknown',
      [ATTR.verdictLinks]: links.length,
      [ATTR.verdictFindings]: 0,
      [ATTR.sessionId]: links[0]?.session,
      [ATTR.agentId]: 'billing-bot',
      [ATTR.principal]: 'ann@example.com',
      [ATTR.fingerprint]: links[0]?.attributes[ATTR.fingerprint],
    });
    expect(Object.keys(last?.attributes ?? {}).filter((key) => key.startsWith('custody.link.'))).toEqual([]);
  });
});

describe('spans that are no links', () => {
  test('pass untouched', async () => {
    const span = plainSpan();
    await bench.engine.ingest(scannedOf([], span), ANYONE);
    expect(bench.outbox()).toMatchObject([{ spanId: span.spanId, attributes: { 'http.route': '/' } }]);
  });

  test('are rejected when no store would take their ids, and do not spoil the others', async () => {
    const answer = await bench.engine.ingest(scannedOf([], { ...plainSpan(), spanId: '0000000000000000' }, plainSpan()), ANYONE);
    expect(answer).toMatchObject({ type: 'accepted', rejectedSpans: 1, message: expect.stringContaining('valid trace and span id') });
    expect(bench.outbox()).toHaveLength(1);
    expect(bench.metrics).toMatchObject({ received: 1 });
  });
});

describe('duplicates', () => {
  test('are counted, and neither kept nor forwarded', async () => {
    const links = sessionOf();
    await bench.engine.ingest(scannedOf(links), ANYONE);
    const before = bench.outbox().length;
    await bench.engine.ingest(scannedOf(links), ANYONE);
    expect(bench.outbox()).toHaveLength(before);
    expect([...bench.ledger.allLinks()]).toHaveLength(links.length);
    expect(bench.metrics.duplicates).toBe(links.length);
  });

  test('of a link that is still held are not held twice', async () => {
    const links = sessionOf();
    await bench.engine.ingest(scannedOf(links.slice(0, 1)), ANYONE);
    await bench.engine.ingest(scannedOf(links.slice(2, 3)), ANYONE);
    await bench.engine.ingest(scannedOf(links.slice(2, 3)), ANYONE);
    await bench.engine.ingest(scannedOf(links.slice(1, 2)), ANYONE);
    expect(bench.named('action.').map((span) => span.spanId)).toEqual([links[1]?.spanId, links[2]?.spanId]);
  });

  test('of an edited copy are not forwarded again either', async () => {
    const [start, ...rest] = sessionOf();
    const forged = [start, ...rest].filter((link) => link !== undefined).map((link) => (link.seq === 2 ? edited(link) : link));
    await bench.engine.ingest(scannedOf(forged), ANYONE);
    await bench.engine.ingest(scannedOf(forged), ANYONE);
    expect(bench.outbox().filter((span) => span.service === 'agent')).toHaveLength(forged.length);
  });
});

describe('a link that waits for the one before it', () => {
  test('stays in the ledger until that one comes, and is forwarded behind it as linked', async () => {
    const links = sessionOf();
    await bench.engine.ingest(scannedOf(links.filter((link) => link.seq !== 2)), ANYONE);
    expect(bench.named('action.')).toEqual([]);
    await bench.engine.ingest(scannedOf(links.filter((link) => link.seq === 2)), ANYONE);
    const actions = bench.outbox().filter((span) => span.service === 'agent');
    expect(actions.map((span) => [span.spanId, statusOf(span)])).toEqual(links.map((link) => [link.spanId, 'linked']));
    expect(bench.codes(links[0]?.session ?? '')).toEqual([]);
  });

  test('is forwarded as held when the grace period ends, beside the gap', async () => {
    const links = sessionOf();
    const session = links[0]?.session ?? '';
    await bench.engine.ingest(scannedOf(links.filter((link) => link.seq !== 2)), ANYONE);
    bench.clock.pass(GRACE_MS);
    bench.engine.tick();
    expect(statusOf(bench.named('action.').find((span) => span.spanId === links[2]?.spanId))).toBe('held');
    expect(bench.codes(session)).toContain('gap@2');
    expect(bench.engine.links(session).map(({ status }) => status)).toEqual(['linked', 'held', 'linked', 'linked', 'linked']);
  });

  test('is forwarded as held when the collector stops and starts again, and loses nothing', async () => {
    const links = sessionOf();
    await bench.engine.ingest(scannedOf(links.filter((link) => link.seq !== 2)), ANYONE);
    await bench.engine.close();
    bench.engine = bench.open();
    expect(statusOf(bench.named('action.').find((span) => span.spanId === links[2]?.spanId))).toBe('held');
    await bench.engine.ingest(scannedOf(links.filter((link) => link.seq === 2)), ANYONE);
    expect(bench.outbox().filter((span) => span.service === 'agent')).toHaveLength(links.length);
    expect(bench.engine.links(links[0]?.session ?? '').map(({ status }) => status)).toEqual(links.map(() => 'linked'));
  });
});

test('with the outbox off links are verified and kept, and nothing waits to be forwarded', async () => {
  await bench.engine.close();
  bench.engine = bench.open({ forwarder: undefined });
  const links = sessionOf();
  await bench.engine.ingest(scannedOf(links.filter((link) => link.seq !== 2)), ANYONE);
  await bench.engine.ingest(
    scannedOf(
      links.filter((link) => link.seq === 2),
      plainSpan(),
    ),
    ANYONE,
  );
  expect(bench.engine.report(links[0]?.session ?? '')).toMatchObject({ integrity: 'intact', completeness: 'complete' });
  expect(bench.ledger.outboxSize()).toEqual({ spans: 0, aside: 0 });
  expect(bench.ledger.heldSessions()).toEqual([]);
});

test('an empty request is a success', async () => {
  expect(await bench.engine.ingest({ spans: [], groups: [] }, ANYONE)).toEqual(ACCEPTED);
});
