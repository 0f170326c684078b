import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ATTR, readSpan } from '@agent-custody/chain';
import { spansOfJson } from '@agent-custody/chain/otlp';
import { afterEach, describe, expect, it } from 'vitest';
import { nodeHashing } from '../src/hashing.js';
import { TempoClient } from '../src/tempo/client.js';
import { readStoredSpan } from '../src/tempo/cut.js';
import { traceOfV2 } from '../src/tempo/trace-answer.js';
import { bodyOf, newId, plainSpan } from './sessions.js';
import { type Behaviour, TempoStandIn } from './tempo-stand-in.js';

const recorded = (file: string): Buffer => readFileSync(new URL(`tempo/${file}`, import.meta.url));
const RECORDED_TRACE = 'de97ac34f28dc1be8ce98c7dca0b5349';
const RANGE = { start: 1_795_312_000, end: 1_795_313_000 };

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A server that gives one recorded answer to everything. */
async function answering(body: Buffer, contentType: string): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': contentType });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => new Promise((resolve) => server.close(() => resolve())));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function standIn(): Promise<{ readonly tempo: TempoStandIn; readonly ingest: string; readonly url: string }> {
  const tempo = new TempoStandIn();
  closing.push(() => tempo.close());
  const url = await tempo.listenForQueries();
  return { tempo, url, ingest: await tempo.listen() };
}

const post = (url: string, body: Uint8Array): Promise<Response> =>
  fetch(url, { method: 'POST', headers: { 'content-type': 'application/x-protobuf' }, body: new Uint8Array(body) });

describe.each(['2.10.8', '3.0.3'])('what Tempo %s answered', (version) => {
  it('is read: the ids of a search', async () => {
    const url = await answering(recorded(`tempo-${version}-search-sessions.json`), 'application/json');
    expect(await new TempoClient({ url }).search('{ }', RANGE, 20)).toEqual([RECORDED_TRACE]);
  });

  it('is read: a search that finds nothing', async () => {
    const url = await answering(recorded(`tempo-${version}-search-empty.json`), 'application/json');
    expect(await new TempoClient({ url }).search('{ }', RANGE, 20)).toEqual([]);
  });

  it('is read: a trace in protobuf, span for span what was pushed', async () => {
    const url = await answering(recorded(`tempo-${version}-trace.pb`), 'application/protobuf');
    const { spans, partial } = await new TempoClient({ url }).trace(RECORDED_TRACE);
    const pushed = spansOfJson(JSON.parse(recorded('pushed.json').toString()));
    expect(partial).toBe(false);
    expect(spans.map(({ view }) => view.spanId).sort()).toEqual(pushed.map(({ spanId }) => spanId).sort());
    expect(spans.every(({ view }) => view.traceId === RECORDED_TRACE)).toBe(true);
  });

  it('recomputes, and the content that it cut is named as cut and is no mismatch', () => {
    const { spans } = traceOfV2(recorded(`tempo-${version}-trace.pb`));
    const read = spans.map((span) => readStoredSpan(span, 2048, nodeHashing));
    expect(read.map(({ reading }) => reading.type === 'link' && [reading.link.recomputes, reading.link.disclosure !== 'mismatch'])).toEqual(
      spans.map(() => [true, true]),
    );
    const cut = read.flatMap((one) => one.cut.map(({ key, rest }) => ({ key, bytes: rest.length })));
    expect(cut).toEqual([{ key: ATTR.toolArguments, bytes: 2048 }]);
  });

  it('would be a mismatch to who does not know the limit', () => {
    const { spans } = traceOfV2(recorded(`tempo-${version}-trace.pb`));
    const read = spans.map((span) => readStoredSpan(span, 4096, nodeHashing).reading);
    expect(read.filter((reading) => reading.type === 'link' && reading.link.disclosure === 'mismatch')).toHaveLength(1);
    expect(spans.filter((span) => readSpan(span.view, nodeHashing).type === 'link')).toHaveLength(9);
  });

  it('names its version', async () => {
    const url = await answering(recorded(`tempo-${version}-buildinfo.json`), 'application/json');
    expect(await new TempoClient({ url }).version()).toBe(version);
  });
});

describe('a trace that Tempo does not know', () => {
  it.each([
    ['3.0.3', false],
    ['2.10.8', false],
    ['2.10.8', true],
  ] as const)('is empty (%s, version 1 of the API alone: %s)', async (version, onlyV1) => {
    const { tempo, url } = await standIn();
    Object.assign(tempo.query, { version, onlyV1 });
    expect(await new TempoClient({ url }).trace(newId(16))).toEqual({ spans: [], partial: false });
  });
});

describe('the client', () => {
  it('reads traces by version 1 where there is no version 2', async () => {
    const { tempo, ingest, url } = await standIn();
    tempo.query.onlyV1 = true;
    const span = plainSpan();
    await post(ingest, bodyOf([span]));
    const client = new TempoClient({ url });
    expect((await client.trace(span.traceId)).spans.map(({ view }) => view.spanId)).toEqual([span.spanId]);
    await client.trace(span.traceId);
    expect(tempo.queries.map((query) => query.url.split('/')[2])).toEqual(['v2', 'traces', 'traces']);
  });

  it('pads trace ids, of which a search strips leading zeros', async () => {
    const { tempo, ingest, url } = await standIn();
    const span = {
      ...plainSpan(),
      traceId: `000${newId(16).slice(3)}`,
      startNs: 1_795_312_500n * 10n ** 9n,
      endNs: 1_795_312_500n * 10n ** 9n,
    };
    await post(ingest, bodyOf([{ ...span, attributes: { 'custody.link.seq': 1 } }]));
    const client = new TempoClient({ url });
    expect(await client.search('{ span.custody.link.seq >= 1 }', RANGE, 20)).toEqual([span.traceId]);
    expect(tempo.queries).toHaveLength(1);
  });

  it('sends the tenant and the headers that it is given', async () => {
    const { tempo, url } = await standIn();
    await new TempoClient({ url, org: 'team-a', headers: { authorization: 'Bearer x' } }).search('{ span.a = "b" }', RANGE, 20);
    expect(tempo.queries[0]?.headers).toMatchObject({ 'x-scope-orgid': 'team-a', authorization: 'Bearer x' });
  });

  it('keeps a path in front of the API, as a gateway has one', async () => {
    const { tempo, url } = await standIn();
    await expect(new TempoClient({ url: `${url}/tempo/` }).search('{ span.a = "b" }', RANGE, 20)).rejects.toMatchObject({
      code: 'not_tempo',
    });
    expect(tempo.queries[0]?.url).toMatch(/^\/tempo\/api\/search\?/);
  });

  it('says that a trace is a part when Tempo says so', async () => {
    const { tempo, ingest, url } = await standIn();
    const span = plainSpan();
    await post(ingest, bodyOf([span]));
    tempo.query.partial = new Set([span.traceId]);
    expect((await new TempoClient({ url }).trace(span.traceId)).partial).toBe(true);
  });
});

describe('what goes wrong with Tempo has a code and words', () => {
  const failing: readonly (readonly [string, Behaviour, string, RegExp])[] = [
    ['401', { type: 'status', status: 401 }, 'unauthorised', /--org.*--tempo-query-header/],
    ['404', { type: 'status', status: 404 }, 'not_tempo', /port 3200/],
    ['a redirect', { type: 'status', status: 302, headers: { location: '/login' } }, 'not_tempo', /302/],
    ['500', { type: 'status', status: 500 }, 'failed', /500/],
    ['422', { type: 'status', status: 422 }, 'too_large', /one piece/],
    ['429', { type: 'status', status: 429 }, 'busy', /429/],
    ['no answer', { type: 'silent' }, 'timeout', /within 0.05 s/],
    ['a connection that breaks', { type: 'hang_up' }, 'unreachable', /cannot be reached/],
  ];
  it.each(failing)('%s', async (_what, behaviour, code, message) => {
    const { tempo, url } = await standIn();
    tempo.alwaysQuery(behaviour);
    const client = new TempoClient({ url }, { timeoutMs: behaviour.type === 'silent' ? 50 : 10_000, retries: 0 });
    await expect(client.search('{ span.a = "b" }', RANGE, 20)).rejects.toMatchObject({
      name: 'TempoError',
      code,
      message: expect.stringMatching(message),
    });
  });

  it('a query that it does not take', async () => {
    const { url } = await standIn();
    const asked = new TempoClient({ url }).search('{ span.a = ', RANGE, 20);
    await expect(asked).rejects.toMatchObject({ code: 'refused', message: expect.stringMatching(/invalid TraceQL query: parse error/) });
  });

  it('nobody there', async () => {
    const client = new TempoClient({ url: 'http://127.0.0.1:1' }, { retries: 0 });
    await expect(client.trace(newId(16))).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('some other server, whose 404 is not that of a trace', async () => {
    const { tempo, url } = await standIn();
    tempo.alwaysQuery({ type: 'status', status: 404 });
    await expect(new TempoClient({ url }).trace(newId(16))).rejects.toMatchObject({ code: 'not_tempo' });
  });

  it('a page in place of an answer', async () => {
    const url = await answering(Buffer.from('<html>'), 'text/html');
    await expect(new TempoClient({ url }).search('{ }', RANGE, 20)).rejects.toMatchObject({ code: 'not_tempo' });
    await expect(new TempoClient({ url }).trace(newId(16))).rejects.toMatchObject({ code: 'unreadable' });
  });

  it('an answer that is cut off', async () => {
    const whole = recorded('tempo-3.0.3-trace.pb');
    const url = await answering(whole.subarray(0, whole.length - 100), 'application/protobuf');
    await expect(new TempoClient({ url }).trace(RECORDED_TRACE)).rejects.toMatchObject({ code: 'unreadable' });
  });
});

describe('a busy Tempo', () => {
  it('is asked again when it wants to be, and its answer is taken', async () => {
    const { tempo, url } = await standIn();
    const busy: Behaviour = { type: 'status', status: 429, headers: { 'retry-after': '7' } };
    tempo.nextQuery(busy, { type: 'status', status: 503 }, busy);
    const waits: number[] = [];
    const client = new TempoClient({ url }, { sleep: async (ms) => void waits.push(ms) });
    expect(await client.search('{ span.a = "b" }', RANGE, 20)).toEqual([]);
    expect(waits).toEqual([7_000, 1_000, 7_000]);
  });

  it('is not asked for ever, nor waited for as long as it likes', async () => {
    const { tempo, url } = await standIn();
    tempo.alwaysQuery({ type: 'status', status: 429, headers: { 'retry-after': '999999' } });
    const waits: number[] = [];
    const client = new TempoClient({ url }, { sleep: async (ms) => void waits.push(ms) });
    await expect(client.search('{ span.a = "b" }', RANGE, 20)).rejects.toMatchObject({ code: 'busy' });
    expect(waits).toEqual([60_000, 60_000, 60_000]);
  });

  it('is not asked again for what it will not answer', async () => {
    const { tempo, url } = await standIn();
    tempo.alwaysQuery({ type: 'status', status: 401 });
    await expect(new TempoClient({ url }).search('{ span.a = "b" }', RANGE, 20)).rejects.toMatchObject({ code: 'unauthorised' });
    expect(tempo.queries).toHaveLength(1);
  });
});
