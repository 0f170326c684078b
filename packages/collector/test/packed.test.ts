import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { LINK_STATUSES, type WrittenLink } from '@agent-custody/chain';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openSqliteLedger } from '../src/ledger/index.js';
import { assemble, packed, type Scanned, scanRequest, unpacked } from '../src/scan/index.js';
import { ACCEPTED, ANYONE, EngineBench } from './engine-fixtures.js';
import { bodyOf, edited, plainSpan, recordOf, sessionOf } from './sessions.js';
import { spansIn } from './stored-spans.js';

// Large bodies wait in the outbox as they came, gzip and all, with the status of each span beside them.

/** A request large enough to be kept as it came. */
function received(links: readonly WrittenLink[], others = 500): Scanned & { readonly received: Uint8Array } {
  const body = bodyOf([...links.map(recordOf), ...Array.from({ length: others }, () => plainSpan())]);
  return { ...scanRequest(body), received: gzipSync(body) };
}

test('an entry unpacks to what was assembled from the body, statuses included', () => {
  const scanned = received(sessionOf({ actions: 3 }));
  const statuses = scanned.spans.map((_, index) => [undefined, ...LINK_STATUSES][index % 4]);
  const request = assemble(
    scanned.spans.map(({ bytes, group }, index) => ({
      group: scanned.groups[group] as Scanned['groups'][number],
      span: bytes,
      status: statuses[index],
    })),
  );
  expect(Buffer.from(unpacked(packed(scanned.received, statuses, request.length))).equals(request)).toBe(true);
  expect(unpacked(request)).toBe(request);
});

describe('in the ledger', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'custody-packed-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  test('an entry is handed out unpacked after a restart, set aside or not, and counts with the size that it is sent in', () => {
    const path = join(directory, 'ledger.db');
    const scanned = received([]);
    const request = assemble(
      scanned.spans.map(({ bytes, group }) => ({ group: scanned.groups[group] as Scanned['groups'][number], span: bytes })),
    );
    const small = packed(scanned.received, new Array(scanned.spans.length).fill(undefined), request.length);
    expect(small.length * 2).toBeLessThan(request.length);
    const first = openSqliteLedger(path);
    for (let i = 0; i < 3; i++) first.enqueue(request, scanned.spans.length, small);
    const [entry] = first.outboxHead({ bytes: 1, spans: 1, after: 0 });
    first.setAside(entry?.id ?? 0, 'status_400');
    first.close();
    const again = openSqliteLedger(path);
    const handed = again.outboxHead({ bytes: request.length * 2, spans: 1e9, after: 0 });
    expect(handed.map((one) => Buffer.from(one.request).equals(request))).toEqual([true, true]);
    expect(again.outboxHead({ bytes: request.length * 2 - 1, spans: 1e9, after: 0 })).toHaveLength(1);
    again.requeueAside();
    expect([...again.undelivered()].map((one) => Buffer.from(one).equals(request))).toEqual([true, true, true]);
    again.close();
  });
});

describe('the engine', () => {
  let bench: EngineBench;
  let packings: { readonly request: Uint8Array; readonly packed: Uint8Array | undefined }[];

  beforeEach(() => {
    bench = new EngineBench();
    packings = [];
    const enqueue = bench.ledger.enqueue.bind(bench.ledger);
    bench.ledger.enqueue = (request, spans, small) => {
      packings.push({ request, packed: small });
      enqueue(request, spans, small);
    };
  });
  afterEach(() => bench.close());

  const statusesIn = (request: Uint8Array) =>
    spansIn(request).map(({ spanId, attributes }) => [spanId, attributes['custody.link.status']] as const);

  test('keeps a body as it came when all of it goes out, links that waited for others of it included', async () => {
    const links = sessionOf({ actions: 3 }).map((link) => (link.seq === 4 ? edited(link) : link));
    expect(await bench.engine.ingest(received([...links].reverse()), ANYONE)).toEqual(ACCEPTED);
    const whole = packings.filter((entry) => entry.packed !== undefined);
    expect(whole).toHaveLength(1);
    const [entry] = whole;
    const sorted = (request: Uint8Array) => [...statusesIn(request)].sort();
    expect(sorted(unpacked(entry?.packed ?? new Uint8Array()))).toEqual(sorted(entry?.request ?? new Uint8Array()));
    expect(new Map(statusesIn(unpacked(entry?.packed ?? new Uint8Array()))).get(links[3]?.spanId ?? '')).toBe('broken');
  });

  test('keeps nothing of a body beside what goes out: not a link that is held, not one that was sent before', async () => {
    const links = sessionOf({ actions: 3 });
    await bench.engine.ingest(received(links.slice(0, 2)), ANYONE);
    packings = [];
    await bench.engine.ingest(received(links.slice(1, 4)), ANYONE);
    await bench.engine.ingest(received(links.slice(5)), ANYONE);
    expect(packings.length).toBeGreaterThan(1);
    expect(packings.map((entry) => entry.packed)).toEqual(packings.map(() => undefined));
  });
});
