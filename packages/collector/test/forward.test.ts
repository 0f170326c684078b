import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createForwarder, type Forwarder, type ForwarderOptions } from '../src/forward/index.js';
import { type Ledger, LedgerError, openSqliteLedger } from '../src/ledger/index.js';
import { assemble, scanRequest } from '../src/scan/index.js';
import { CountedMetrics, KeptLog, outboxSpans } from './engine-fixtures.js';
import { bodyOf, plainSpan, recordOf, sessionOf } from './sessions.js';
import { TempoStandIn } from './tempo-stand-in.js';

let tempo: TempoStandIn;
let url: string;
let ledger: Ledger;
let metrics: CountedMetrics;
let log: KeptLog;
let forwarder: Forwarder | undefined;

beforeEach(async () => {
  tempo = new TempoStandIn();
  url = await tempo.listen();
  ledger = openSqliteLedger(':memory:');
  metrics = new CountedMetrics();
  log = new KeptLog();
});

afterEach(async () => {
  await forwarder?.close(0);
  await tempo.close();
  ledger.close();
});

function start(options: Partial<ForwarderOptions> = {}): Forwarder {
  forwarder = createForwarder({ ledger, url, log, metrics, retry: { firstMs: 5, longestMs: 20 }, ...options });
  return forwarder;
}

/** Puts spans of these names into the outbox, one entry each. */
function queue(...names: readonly string[]): void {
  for (const name of names) ledger.enqueue(bodyOf([plainSpan(name)]), 1);
}

const stored = (): string[] => tempo.stored.map(({ name }) => name);
const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => `span ${i}`);
/** Resolves once the forwarder has taken in what the answer meant: its next step is to look at an empty outbox. */
async function drained(): Promise<void> {
  const outbox = ledger.outboxHead.bind(ledger);
  await new Promise<void>((resolve) => {
    ledger.outboxHead = (bounds) => {
      const head = outbox(bounds);
      if (head.length === 0) resolve();
      return head;
    };
    forwarder?.wake();
  });
  ledger.outboxHead = outbox;
}

describe('delivery', () => {
  test('in order, byte for byte, as gzip protobuf with the given headers; what is acknowledged is forgotten', async () => {
    const links = sessionOf();
    const { spans, groups } = scanRequest(bodyOf(links.map(recordOf)));
    const parts = spans.map((span) => ({ group: groups[span.group] ?? fail('no group'), span: span.bytes, status: 'linked' as const }));
    ledger.enqueue(assemble(parts), parts.length);
    queue('later');
    const before = outboxSpans(ledger);
    start({ headers: { 'x-scope-orgid': 'tenant-1' } });
    await drained();
    expect(tempo.stored).toEqual(before);
    expect(tempo.requests).toHaveLength(1);
    expect(tempo.requests[0]?.headers).toMatchObject({
      'content-type': 'application/x-protobuf',
      'content-encoding': 'gzip',
      'x-scope-orgid': 'tenant-1',
    });
    expect(ledger.outboxSize()).toEqual({ spans: 0, aside: 0 });
    expect(metrics.sent).toBe(before.length);
  });

  test('as it is where it is not to be compressed', async () => {
    queue('first', 'second');
    const before = outboxSpans(ledger);
    start({ compression: 'none' });
    await drained();
    expect(tempo.stored).toEqual(before);
    expect(tempo.requests[0]?.headers['content-encoding']).toBeUndefined();
  });

  test('over TLS to a server whose authority it is told to trust, and to no other', async () => {
    const pem = (name: string) => readFileSync(new URL(`fixtures/${name}.pem`, import.meta.url), 'utf8');
    const cert = pem('localhost.cert');
    const answered: string[] = [];
    const server = createServer({ cert, key: pem('localhost.key') }, (request, response) => {
      answered.push(request.method ?? '');
      request.resume();
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    queue('a span');
    const stranger = start({ url: `https://localhost:${port}/v1/traces` });
    await expect.poll(() => stranger.lastError).toBe('network');
    expect(answered).toEqual([]);
    await stranger.close(0);
    start({ url: `https://localhost:${port}/v1/traces`, tls: { ca: cert } });
    await drained();
    expect(answered).toEqual(['POST']);
    await forwarder?.close(0);
    await new Promise((resolve) => server.close(resolve));
  });

  test('goes on when the outbox grows', async () => {
    start();
    await drained();
    queue('first');
    forwarder?.wake();
    await tempo.until(() => stored().length === 1);
    queue('second');
    forwarder?.wake();
    await tempo.until(() => stored().length === 2);
    expect(stored()).toEqual(['first', 'second']);
  });

  test('stays below the bound of one request', async () => {
    const body = bodyOf(numbered(3_000).map((name) => plainSpan(name)));
    for (let i = 0; i < 4; i++) ledger.enqueue(body, 3_000);
    start();
    await drained();
    expect(tempo.requests.map(({ spans }) => spans.length)).toEqual([6_000, 6_000]);
  });
});

describe('a store that cannot take it now', () => {
  for (const status of [408, 429, 502, 503, 504, 500]) {
    test(`status ${status}: the same is sent again, nothing is lost or sent twice`, async () => {
      queue(...numbered(3));
      tempo.next({ type: 'status', status }, { type: 'status', status });
      start();
      await tempo.until(() => stored().length === 3);
      await drained();
      expect(stored()).toEqual(numbered(3));
      expect(tempo.requests).toHaveLength(3);
      expect(metrics).toMatchObject({ sent: 3, failures: { [`status_${status}`]: 2 } });
    });
  }

  test('a connection that breaks or that nobody answers: the same', async () => {
    queue('a');
    tempo.next({ type: 'hang_up' });
    start();
    await drained();
    expect(stored()).toEqual(['a']);
    expect(metrics.failures).toEqual({ network: 1 });
  });

  test('one that never answers is given up after the timeout', async () => {
    queue('a');
    tempo.next({ type: 'silent' });
    start({ timeoutMs: 50 });
    await drained();
    expect(stored()).toEqual(['a']);
    expect(metrics.failures).toEqual({ timeout: 1 });
  });

  /** How long the forwarder waits after its first failure, ms, and why. */
  function firstWait(): Promise<{ reason: string; waitMs: number }> {
    return new Promise((resolve) => {
      log.warn = (fields) => resolve(fields as { reason: string; waitMs: number });
    });
  }

  test('Retry-After is honoured, in seconds or as a date, up to five minutes', async () => {
    const inTwoMinutes = new Date(Date.now() + 120_000).toUTCString();
    for (const [header, least, most] of [
      ['120', 120_000, 120_000],
      [inTwoMinutes, 60_000, 120_000],
      ['999999', 300_000, 300_000],
      ['soon', 0, 5],
    ] as const) {
      queue('a');
      tempo.next({ type: 'status', status: 503, headers: { 'retry-after': header } });
      const wait = firstWait();
      start();
      const { reason, waitMs } = await wait;
      expect(reason).toBe('status_503');
      expect(waitMs).toBeGreaterThanOrEqual(least);
      expect(waitMs).toBeLessThanOrEqual(most);
      await forwarder?.close(0);
    }
  });

  test('waits grow from one attempt to the next', async () => {
    queue('a');
    tempo.next({ type: 'status', status: 503 }, { type: 'status', status: 429 }, { type: 'status', status: 502 });
    const waits: number[] = [];
    log.warn = (fields) => void waits.push((fields as { waitMs: number }).waitMs);
    start({ retry: { firstMs: 8, longestMs: 1_000 } });
    await drained();
    expect(waits.map((ms, attempt) => ms >= 4 * 2 ** attempt && ms <= 8 * 2 ** attempt)).toEqual([true, true, true]);
  });

  test('is logged once, and once when it is over', async () => {
    queue('a');
    tempo.next(...Array(4).fill({ type: 'status', status: 503 }));
    start();
    await drained();
    expect(log.lines.map(({ level }) => level)).toEqual(['warn', 'info']);
    expect(forwarder?.lastError).toBeUndefined();
  });

  test('credentials or a path that are wrong: everything is kept and tried again, nothing is set aside', async () => {
    queue('a', 'b');
    tempo.next({ type: 'status', status: 401 }, { type: 'status', status: 404 });
    start();
    await drained();
    expect(stored()).toEqual(['a', 'b']);
    expect(ledger.outboxSize().aside).toBe(0);
    expect(log.lines.find(({ level }) => level === 'warn')?.fields).toMatchObject({
      reason: expect.stringContaining('check the URL and the headers'),
    });
  });

  test('an answer that is lost: sent again, so that at worst it is there twice and never missing', async () => {
    queue('a');
    tempo.next({ type: 'lose_answer' });
    start();
    await drained();
    expect(stored()).toEqual(['a', 'a']);
  });
});

describe('a span that the store refuses', () => {
  test('is set aside alone, kept, counted and logged, and the rest gets through', async () => {
    queue(...numbered(5));
    ledger.enqueue(bodyOf([...numbered(7), 'poison', ...numbered(9)].map((name) => plainSpan(name))), 17);
    queue(...numbered(5));
    const before = outboxSpans(ledger);
    tempo.poison = ({ name }) => name === 'poison';
    start();
    await drained();
    expect(ledger.outboxSize()).toEqual({ spans: 0, aside: 1 });
    expect(new Set(tempo.stored.map(({ spanId }) => spanId))).toEqual(
      new Set(before.filter(({ name }) => name !== 'poison').map(({ spanId }) => spanId)),
    );
    expect(stored()).toHaveLength(before.length - 1);
    expect(metrics.sent).toBe(before.length - 1);
    expect(metrics.failures['set_aside']).toBe(1);
    expect(log.lines.find(({ level }) => level === 'error')?.message).toContain('set aside');
  });

  test('keeps its siblings as they were when their request is cut: status and findings are not stripped', async () => {
    const links = sessionOf();
    const { spans, groups } = scanRequest(bodyOf([...links.map(recordOf), plainSpan('poison')]));
    const parts = spans.map((span, index) => ({
      group: groups[span.group] ?? fail('no group'),
      span: span.bytes,
      ...(index < links.length && { status: 'broken' as const }),
    }));
    ledger.enqueue(assemble(parts), parts.length);
    const before = outboxSpans(ledger).filter(({ name }) => name !== 'poison');
    tempo.poison = ({ name }) => name === 'poison';
    start();
    await drained();
    expect([...tempo.stored].sort((a, b) => (a.spanId < b.spanId ? -1 : 1))).toEqual(
      [...before].sort((a, b) => (a.spanId < b.spanId ? -1 : 1)),
    );
  });

  test('by failing over it, is found too, after a few attempts', async () => {
    queue('a', 'poison', 'b');
    tempo.poison = ({ name }) => name === 'poison';
    tempo.poisonStatus = 500;
    start();
    await drained();
    expect(stored().sort()).toEqual(['a', 'b']);
    expect(ledger.outboxSize().aside).toBe(1);
  });

  test('is tried once more at the next start, and does not keep what comes later from getting through', async () => {
    queue('poison');
    tempo.poison = ({ name }) => name === 'poison';
    start();
    await drained();
    queue('later');
    await drained();
    expect(stored()).toEqual(['later']);
    await forwarder?.close(0);
    tempo.poison = undefined;
    start();
    await drained();
    expect(stored()).toEqual(['later', 'poison']);
    expect(ledger.outboxSize()).toEqual({ spans: 0, aside: 0 });
  });

  test('one of many, as all are by the wrong server: the outbox is not emptied at once', async () => {
    queue(...numbered(9));
    tempo.poison = () => true;
    const waits = new Promise<void>((resolve) => {
      log.warn = () => resolve();
    });
    start({ retry: { firstMs: 60_000, longestMs: 60_000 } });
    await waits;
    expect(ledger.outboxSize()).toEqual({ spans: 7, aside: 2 });
  });

  test('inside a 200 by partial success is counted and logged, and not sent again', async () => {
    queue(...numbered(3));
    tempo.next({ type: 'partial', rejected: 1, message: 'trace too large' });
    start();
    await drained();
    expect(tempo.requests).toHaveLength(1);
    expect(metrics).toMatchObject({ sent: 2, failures: { rejected: 1 } });
    expect(log.lines).toMatchObject([{ level: 'warn', fields: { rejected: 1, message: 'trace too large' } }]);
  });
});

describe('stopping and failing', () => {
  test('a stop lets the request in flight finish and leaves the rest on disk', async () => {
    tempo.always({ type: 'status', status: 503 });
    queue(...numbered(3));
    start();
    await tempo.until(() => tempo.requests.length > 0);
    await forwarder?.close(1_000);
    expect(ledger.outboxSize().spans).toBe(3);
  });

  test('a stop does not wait longer than told for a store that does not answer', async () => {
    tempo.always({ type: 'silent' });
    queue('a');
    start();
    await tempo.until(() => tempo.requests.length > 0);
    await forwarder?.close(20);
    expect(ledger.outboxSize().spans).toBe(1);
    expect(metrics.failures).toEqual({});
  });

  test('a deletion that fails is made up for before anything else is sent: nothing goes out twice', async () => {
    queue('a');
    const acknowledge = ledger.acknowledge.bind(ledger);
    let failures = 2;
    ledger.acknowledge = (ids) => {
      if (failures-- > 0) throw new LedgerError('unavailable', 'the disk is full');
      acknowledge(ids);
    };
    start();
    await tempo.until(() => stored().length === 1);
    queue('b');
    await drained();
    expect(stored()).toEqual(['a', 'b']);
    expect(ledger.outboxSize().spans).toBe(0);
  });
});

function fail(message: string): never {
  throw new TypeError(message);
}
