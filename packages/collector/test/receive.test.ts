import { deflateSync, gzipSync } from 'node:zlib';
import { SpanKind } from '@opentelemetry/api';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base';
import { describe, expect, it } from 'vitest';
import { createReceiver } from '../src/receive/index.js';
import { assemble } from '../src/scan/index.js';
import { bytesOf, JSON_TYPE, PROTOBUF, post, type Started, send, start } from './receive-support.js';
import { any, attribute, concat, field, IDS, requestOf, requestWith } from './scan-bytes.js';
import { decode } from './scan-decode.js';

// Named after the rows of the receiver checklist that OTLP's specification comes down to.

const LINK = requestWith(attribute('custody.link.seq', any.int(1)));
const LINK_JSON = JSON.stringify({
  resourceSpans: [
    {
      scopeSpans: [
        {
          spans: [
            {
              traceId: '0af7651916cd43dd8448eb211c80319c',
              spanId: 'b7ad6b7169203331',
              attributes: [{ key: 'custody.link.seq', value: { intValue: 1 } }],
            },
          ],
        },
      ],
    },
  ],
});
const seqs = ({ ingested }: Started) => ingested.flatMap(({ scanned }) => scanned.spans.map((span) => span.view.attributes[0]?.[1]));

/** Sends spans by an SDK's exporter, as an application does, and answers what came in, decoded. */
async function exported(started: Started, exporter: SpanExporter): Promise<unknown> {
  const provider = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
  const tracer = provider.getTracer('shop', '1.0');
  for (let i = 1; i <= 3; i++) {
    tracer
      .startSpan(`step ${i}`, {
        kind: SpanKind.CLIENT,
        attributes: { 'custody.link.seq': i, 'gen_ai.tool.name': 'séance', list: ['a', 'b'], ratio: 0.5, yes: true },
      })
      .addEvent('tried', { attempt: i })
      .end();
  }
  await provider.shutdown();
  const parts = started.ingested.flatMap(({ scanned: { spans, groups } }) =>
    spans.map((span) => ({ group: groups[span.group] as (typeof groups)[number], span: span.bytes })),
  );
  return decode('request', assemble(parts));
}

describe('POST /v1/traces on 4318', () => {
  it('is the default, on localhost alone', async () => {
    const receiver = createReceiver({ ingest: async () => ({ type: 'accepted', rejectedSpans: 0 }) });
    const at = await receiver.listen().then(
      ({ host, port }) => `${host}:${port}`,
      (error: Error) => /127\.0\.0\.1:4318/.exec(error.message)?.[0],
    );
    await receiver.close();
    expect(at).toBe('127.0.0.1:4318');
  });

  it('has a path that can be changed', async () => {
    const started = await start({ path: '/otlp/traces' });
    expect((await post(started.url, LINK)).status).toBe(200);
    expect((await post(`${started.origin}/v1/traces`, LINK)).status).toBe(404);
    expect(seqs(started)).toEqual([1]);
  });

  it('takes no notice of a query', async () => {
    const started = await start();
    expect((await post(`${started.url}?x=1`, LINK)).status).toBe(200);
  });
});

describe('protobuf + JSON on one port by Content-Type', () => {
  it('takes what the two exporters of OpenTelemetry send, and reads the same of both', async () => {
    const [first, second] = [await start(), await start()];
    const json = (await exported(first, new JsonExporter({ url: first.url }))) as { resourceSpans: unknown[] };
    const protobuf = await exported(second, new ProtobufExporter({ url: second.url }));
    expect(seqs(first)).toEqual([1, 2, 3]);
    expect(seqs(second)).toEqual([1, 2, 3]);
    const ignoringIdsAndTimes = (value: unknown) =>
      JSON.parse(JSON.stringify(value, (key, each) => (/Id$|Nano$/.test(key) ? undefined : each))) as unknown;
    expect(ignoringIdsAndTimes(json)).toEqual(ignoringIdsAndTimes(protobuf));
    expect(json).toMatchObject({
      resourceSpans: [
        {
          scopeSpans: [
            { scope: { name: 'shop', version: '1.0' }, spans: [{ name: 'step 1', kind: 3, events: [{ name: 'tried' }] }, {}, {}] },
          ],
        },
      ],
    });
  });

  it.each(['application/json; charset=utf-8', 'Application/JSON', 'application/json;charset=UTF-8'])('takes %s', async (type) => {
    const started = await start();
    expect((await post(started.url, LINK_JSON, { 'content-type': type })).status).toBe(200);
    expect(seqs(started)).toEqual([1]);
  });
});

describe('gzip and none', () => {
  it.each<[string, Uint8Array]>([
    ['gzip', gzipSync(LINK)],
    ['GZIP', gzipSync(LINK)],
    ['deflate', deflateSync(LINK)],
    ['identity', LINK],
  ])('takes Content-Encoding: %s', async (encoding, body) => {
    const started = await start();
    expect((await post(started.url, body, { ...PROTOBUF, 'content-encoding': encoding })).status).toBe(200);
    expect(seqs(started)).toEqual([1]);
  });

  it("takes an exporter's gzip, of JSON and of protobuf", async () => {
    const started = await start();
    const compression = 'gzip' as ConstructorParameters<typeof JsonExporter>[0] extends { compression?: infer C } | undefined ? C : never;
    await exported(started, new JsonExporter({ url: started.url, ...(compression && { compression }) }));
    await exported(started, new ProtobufExporter({ url: started.url, ...(compression && { compression }) }));
    expect(seqs(started)).toEqual([1, 2, 3, 1, 2, 3]);
  });

  it('takes gzip of more than one member', async () => {
    const started = await start();
    expect((await post(started.url, concat(gzipSync(LINK), gzipSync(LINK)), { ...PROTOBUF, 'content-encoding': 'gzip' })).status).toBe(200);
    expect(seqs(started)).toEqual([1, 1]);
  });

  it.each<[string, Uint8Array]>([
    ['cut off', gzipSync(LINK).subarray(0, -9)],
    ['not gzip', LINK],
    ['empty', new Uint8Array(0)],
  ])('answers 400 to gzip that is %s', async (_, body) => {
    const { url } = await start();
    expect((await post(url, body, { ...PROTOBUF, 'content-encoding': 'gzip' })).status).toBe(400);
  });

  it.each(['br', 'gzip, gzip', 'zstd'])('answers 415 to Content-Encoding: %s, and says what it takes', async (encoding) => {
    const { url } = await start();
    const response = await post(url, LINK, { ...PROTOBUF, 'content-encoding': encoding });
    expect(response.status).toBe(415);
    expect(response.headers.get('accept-encoding')).toBe('gzip, deflate');
    expect(await response.text()).toMatch(/gzip, deflate or none/);
  });
});

describe('response Content-Type = request’s', () => {
  it.each([
    ['application/x-protobuf', LINK, Buffer.from([0xff])],
    ['application/json', LINK_JSON, '{'],
  ])('%s', async (type, good, bad) => {
    const { url } = await start();
    expect((await post(url, good, { 'content-type': type })).headers.get('content-type')).toBe(type);
    const refused = await post(url, bad, { 'content-type': type });
    expect(refused.status).toBe(400);
    expect(refused.headers.get('content-type')).toBe(type);
  });
});

describe('success', () => {
  it('is 200 with partial_success unset', async () => {
    const { url } = await start();
    expect(await bytesOf(await post(url, LINK))).toHaveLength(0);
    expect(await (await post(url, LINK_JSON, JSON_TYPE)).text()).toBe('{}');
  });

  it.each<[string, Uint8Array | string, Record<string, string>]>([
    ['protobuf', new Uint8Array(0), PROTOBUF],
    ['JSON', '{}', JSON_TYPE],
    ['JSON with an empty list', '{"resourceSpans":[]}', JSON_TYPE],
    ['protobuf without spans', requestOf(), PROTOBUF],
  ])('is the answer to an empty request in %s', async (_, body, headers) => {
    const started = await start();
    expect((await post(started.url, body, headers)).status).toBe(200);
    expect(started.ingested).toEqual([]);
  });
});

describe('partial', () => {
  it('says how many spans were rejected and why', async () => {
    const { url } = await start({ ingest: async () => ({ type: 'accepted', rejectedSpans: 300, message: 'too old' }) });
    const response = await post(url, LINK);
    expect(response.status).toBe(200);
    expect(decode('exportResponse', await bytesOf(response))).toEqual({
      partialSuccess: { rejectedSpans: '300', errorMessage: 'too old' },
    });
    expect(await (await post(url, LINK_JSON, JSON_TYPE)).json()).toEqual({
      partialSuccess: { rejectedSpans: '300', errorMessage: 'too old' },
    });
  });

  it('warns without rejecting', async () => {
    const { url } = await start({ ingest: async () => ({ type: 'accepted', rejectedSpans: 0, message: 'slow down' }) });
    expect(decode('exportResponse', await bytesOf(await post(url, LINK)))).toEqual({ partialSuccess: { errorMessage: 'slow down' } });
    expect(await (await post(url, LINK_JSON, JSON_TYPE)).json()).toEqual({ partialSuccess: { errorMessage: 'slow down' } });
  });

  it('rejects a span with too many attributes, and takes the rest', async () => {
    const started = await start({ limits: { attributesPerSpan: 2 } });
    const many = concat(IDS, ...[1, 2, 3].map((i) => attribute('custody.link.seq', any.int(i))));
    const response = await post(started.url, requestOf(many, concat(IDS, attribute('custody.link.seq', any.int(9)))));
    expect(decode('exportResponse', await bytesOf(response))).toEqual({
      partialSuccess: { rejectedSpans: '1', errorMessage: expect.stringMatching(/1 with more than 2 attributes/) },
    });
    expect(seqs(started)).toEqual([9]);
    expect(started.records).toMatchObject([{ status: 200, spans: 2, rejectedSpans: 1 }]);
  });

  it('rejects a span without ids that is no link, and leaves a link without them to be judged', async () => {
    const started = await start();
    const response = await post(started.url, requestOf(field(5, 'GET /'), attribute('custody.link.seq', any.int(1))));
    expect(decode('exportResponse', await bytesOf(response))).toMatchObject({ partialSuccess: { rejectedSpans: '1' } });
    expect(seqs(started)).toEqual([1]);
  });
});

describe('bad data', () => {
  it('is 400 with a google.rpc.Status that holds a BadRequest', async () => {
    const started = await start();
    const response = await post(started.url, Buffer.from([0x0a, 0x05]));
    expect(response.status).toBe(400);
    expect(response.headers.get('retry-after')).toBeNull();
    const message = expect.stringMatching(/at byte 1 a length of 5 goes past the end/);
    expect(decode('rpcStatus', await bytesOf(response))).toEqual({
      code: 3,
      message,
      details: [
        {
          typeUrl: 'type.googleapis.com/google.rpc.BadRequest',
          value: { fieldViolations: [{ field: 'resource_spans', description: message }] },
        },
      ],
    });
    expect(started.ingested).toEqual([]);
  });

  it('is the same in JSON', async () => {
    const { url } = await start();
    const response = await post(url, '{"resourceSpans":[{"scopeSpans":5}]}', JSON_TYPE);
    expect(response.status).toBe(400);
    const message = expect.stringMatching(/resourceSpans\.0\.scopeSpans must be an array/);
    expect(await response.json()).toEqual({
      code: 3,
      message,
      details: [
        { '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: [{ field: 'resource_spans', description: message }] },
      ],
    });
  });

  it('protobuf sent as JSON, and JSON sent as protobuf, are told', async () => {
    const { url } = await start();
    expect((await post(url, LINK, JSON_TYPE)).status).toBe(400);
    expect((await post(url, LINK_JSON, PROTOBUF)).status).toBe(400);
  });
});

describe('wrong method / type', () => {
  it.each(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('answers %s with 405 in plain text', async (method) => {
    const { url, ingested } = await start();
    const { status, headers } = await send(url, method);
    expect({ status, allow: headers.allow, type: headers['content-type'] }).toEqual({
      status: 405,
      allow: 'POST',
      type: 'text/plain; charset=utf-8',
    });
    expect(ingested).toEqual([]);
  });

  it.each(['text/plain', 'application/grpc', 'application/x-www-form-urlencoded', ''])(
    'answers Content-Type "%s" with 415 in plain text',
    async (type) => {
      const { url } = await start();
      const { status, headers, body } = await send(url, 'POST', type === '' ? {} : { 'content-type': type }, 'x');
      expect({ status, type: headers['content-type'] }).toEqual({ status: 415, type: 'text/plain; charset=utf-8' });
      expect(body).toBe('send application/x-protobuf or application/json\n');
    },
  );
});

describe('JSON rules', () => {
  it('takes ids of either case, enums as ints, int64 as string or number, base64 bytes and unknown fields', async () => {
    const started = await start();
    const attributes = [
      { key: 'custody.link.seq', value: { intValue: '1' } },
      { key: 'custody.parent.seq', value: { intValue: 2 } },
      { key: 'raw', value: { bytesValue: '3q2+7w==' } },
    ];
    const span = { traceId: '0AF7651916CD43DD8448EB211C80319C', spanId: 'b7ad6b7169203331', kind: 3, attributes, somethingNew: { a: [1] } };
    expect((await post(started.url, JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }), JSON_TYPE)).status).toBe(200);
    const view = started.ingested[0]?.scanned.spans[0]?.view;
    expect([view?.traceId, view?.spanId]).toEqual(['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331']);
    expect(view?.attributes).toEqual([
      ['custody.link.seq', 1],
      ['custody.parent.seq', 2],
    ]);
  });

  it('refuses an enum by name', async () => {
    const { url } = await start();
    const response = await post(url, '{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"SPAN_KIND_SERVER"}]}]}]}', JSON_TYPE);
    expect(response.status).toBe(400);
  });
});

describe('response size', () => {
  it('is small, whatever there is to say: the message is cut at a code point', async () => {
    const { url } = await start({ ingest: async () => ({ type: 'accepted', rejectedSpans: 1, message: `x${'✓'.repeat(4_000_000)}` }) });
    const { partialSuccess } = decode('exportResponse', await bytesOf(await post(url, LINK))) as {
      partialSuccess: { errorMessage: string };
    };
    expect(partialSuccess.errorMessage).toBe(`x${'✓'.repeat(341)}`);
  });
});

describe('duplicates', () => {
  it('are answered like the first, with the same bytes for the engine to recognise', async () => {
    const started = await start();
    expect((await post(started.url, LINK)).status).toBe(200);
    expect((await post(started.url, LINK)).status).toBe(200);
    const [first, second] = started.ingested.map(({ scanned }) =>
      scanned.spans.map(({ view, bytes }) => ({
        trace: view.traceId,
        span: view.spanId,
        read: view.attributes,
        bytes: Buffer.from(bytes),
      })),
    );
    expect(first).toMatchObject([{ read: [['custody.link.seq', 1]] }]);
    expect(first).toEqual(second);
  });
});
