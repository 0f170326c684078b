import { ATTR } from '@agent-custody/chain';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openSqliteLedger } from '../src/ledger/index.js';
import { scanRequest } from '../src/scan/index.js';
import { ANYONE, EngineBench, GRACE_MS, IDLE_MS } from './engine-fixtures.js';
import { edited, plainSpan, scannedOf, sessionOf } from './sessions.js';
import type { StoredSpan } from './stored-spans.js';

let bench: EngineBench;

beforeEach(() => {
  bench = new EngineBench();
});

afterEach(() => bench.close());

const statusOf = (span: StoredSpan | undefined): unknown => span?.attributes[ATTR.status];

describe('a finding', () => {
  test('leaves as a span in the trace of its link, as a count, by the API and in the log, once', async () => {
    const links = sessionOf().map((link) => (link.seq === 3 ? edited(link) : link));
    const session = links[0]?.session ?? '';
    await bench.engine.ingest(scannedOf(links), ANYONE);
    bench.clock.pass(1_000);
    bench.engine.tick();
    const [span, ...others] = bench.named('finding');
    expect(others).toEqual([]);
    expect(span).toMatchObject({
      name: 'finding content_mismatch',
      service: 'agent-custody-collector',
      statusCode: 2,
      traceId: links[2]?.traceId,
      parentSpanId: links[2]?.spanId,
      attributes: {
        [ATTR.findingCode]: 'content_mismatch',
        [ATTR.findingSeverity]: 'critical',
        [ATTR.findingSessionId]: session,
        [ATTR.findingSeq]: 3,
      },
    });
    expect(bench.metrics.findings).toEqual({ content_mismatch: 1 });
    expect(bench.engine.findings({ limit: 10 }).items).toMatchObject([
      { session, code: 'content_mismatch', seq: 3, reportedAtMs: expect.any(Number) },
    ]);
    expect(bench.log.lines.filter(({ message }) => message.startsWith('finding'))).toMatchObject([
      { level: 'warn', fields: { session, code: 'content_mismatch', seq: 3 } },
    ]);
    expect(bench.engine.report(session)?.integrity).toBe('broken');
    expect(statusOf(bench.named('action.outcome')[0])).toBe('broken');
  });

  test('is on record with what it was found in, though the collector dies before the next tick', async () => {
    const links = sessionOf().map((link) => (link.seq === 3 ? edited(link) : link));
    await bench.engine.ingest(scannedOf(links), ANYONE);
    bench.engine = bench.open();
    bench.engine.tick();
    expect(bench.codes(links[0]?.session ?? '')).toEqual(['content_mismatch@3']);
    expect(bench.named('finding')).toHaveLength(1);
  });

  test('that heals is on record as healed and says so in a span of its own, without an error', async () => {
    const links = sessionOf();
    const session = links[0]?.session ?? '';
    await bench.engine.ingest(scannedOf(links.filter((link) => link.seq !== 2)), ANYONE);
    bench.clock.pass(GRACE_MS);
    bench.engine.tick();
    await bench.engine.ingest(scannedOf(links.filter((link) => link.seq === 2)), ANYONE);
    bench.clock.pass(1_000);
    bench.engine.tick();
    expect(bench.codes(session)).toContain('gap@2 healed');
    expect(bench.named('finding gap').map((span) => [span.name, span.statusCode])).toEqual([
      ['finding gap', 2],
      ['finding gap healed', 0],
    ]);
    expect(bench.engine.report(session)).toMatchObject({ integrity: 'intact', completeness: 'complete' });
    expect(bench.metrics.findings['gap']).toBe(1);
  });

  test('about a malformed span without a session is kept for the collector at large', async () => {
    const [link] = sessionOf();
    const { [ATTR.sessionId]: _, ...attributes } = link?.attributes ?? {};
    await bench.engine.ingest(scannedOf([], { ...plainSpan('nobody'), attributes }), ANYONE);
    expect(bench.engine.findings({ limit: 10 }).items).toMatchObject([{ session: '', code: 'malformed', seq: 0 }]);
    expect(statusOf(bench.named('nobody')[0])).toBe('broken');
  });
});

describe('time', () => {
  test('an open session that falls silent is unclosed after the idle limit', async () => {
    const links = sessionOf({ ended: false });
    await bench.engine.ingest(scannedOf(links), ANYONE);
    bench.clock.pass(IDLE_MS - 1);
    bench.engine.tick();
    expect(bench.codes(links[0]?.session ?? '')).toEqual([]);
    bench.clock.pass(1);
    bench.engine.tick();
    expect(bench.codes(links[0]?.session ?? '')).toEqual([`unclosed@${links.length}`]);
  });

  test('in which the collector was not running does not count', async () => {
    const links = sessionOf({ ended: false });
    await bench.engine.ingest(scannedOf(links), ANYONE);
    await bench.engine.close();
    bench.clock.pass(10 * IDLE_MS);
    bench.engine = bench.open();
    bench.engine.tick();
    expect(bench.codes(links[0]?.session ?? '')).toEqual([]);
    bench.clock.pass(IDLE_MS);
    bench.engine.tick();
    expect(bench.codes(links[0]?.session ?? '')).toEqual([`unclosed@${links.length}`]);
  });
});

test('all that goes out, read back, is judged as it was: what the collector says itself is taken for no link', async () => {
  const links = sessionOf().filter((link) => link.seq !== 3);
  bench.engine.registerChanged({ version: 1, entries: [] });
  await bench.engine.ingest(scannedOf(links), ANYONE);
  bench.clock.pass(GRACE_MS);
  bench.engine.tick();
  const first = bench.engine.report(links[0]?.session ?? '');
  expect(first?.findings.map(({ code }) => code)).toContain('gap');
  const sent = bench.ledger.outboxHead({ bytes: 1e9, spans: 1e9, after: 0 }).map(({ request }) => scanRequest(request));
  bench.ledger = openSqliteLedger(':memory:');
  bench.engine = bench.open();
  for (const scanned of sent) await bench.engine.ingest(scanned, ANYONE);
  bench.clock.pass(GRACE_MS);
  bench.engine.tick();
  expect(bench.engine.report(links[0]?.session ?? '')).toEqual(first);
  expect(bench.engine.reports({ limit: 10 }).items).toHaveLength(1);
});
