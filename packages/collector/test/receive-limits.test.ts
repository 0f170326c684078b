import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { IngestAnswer } from '../src/receive/index.js';
import { bytesOf, converse, JSON_TYPE, PROTOBUF, post, send, start } from './receive-support.js';
import { any, attribute, concat, field, IDS, requestOf, requestWith } from './scan-bytes.js';
import { decode } from './scan-decode.js';

/** `duplex` is what Node asks for of a body that is a stream; the DOM's types, which pages need, do not know it. */
const postStream = (url: string, body: ReadableStream): Promise<Response> => {
  const init: RequestInit & { duplex: 'half' } = { method: 'POST', body, duplex: 'half', headers: PROTOBUF };
  return fetch(url, init);
};

const LINK = requestWith(attribute('custody.link.seq', any.int(1)));
const ACCEPTED: IngestAnswer = { type: 'accepted', rejectedSpans: 0 };

/** A promise and what settles it. */
function deferred<T>() {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

describe('size limit', () => {
  it('answers 413 to a body that says that it is too large, before it is sent', async () => {
    const { port, ingested } = await start({ limits: { bodyBytes: 1000 } });
    const heard = await converse(
      port,
      'POST /v1/traces HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/x-protobuf\r\nContent-Length: 1001\r\n\r\n',
    );
    expect(heard).toMatch(/^HTTP\/1\.1 413 /);
    expect(ingested).toEqual([]);
  });

  it('answers 413 to a body that turns out to be too large', async () => {
    const { url, records } = await start({ limits: { bodyBytes: 100_000 } });
    const chunks = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 20; i++) controller.enqueue(new Uint8Array(10_000));
        controller.close();
      },
    });
    const response = await postStream(url, chunks);
    expect(response.status).toBe(413);
    expect(decode('rpcStatus', await bytesOf(response))).toEqual({
      code: 8,
      message: expect.stringMatching(/larger than 100000 bytes; send smaller batches/),
    });
    expect(records).toMatchObject([{ status: 413, spans: 0 }]);
  });

  it('takes a body of exactly the limit, and holds for what is sent without compression', async () => {
    const { url } = await start({ limits: { bodyBytes: LINK.length, inflatedBytes: LINK.length } });
    expect((await post(url, LINK)).status).toBe(200);
    expect((await post(url, requestWith(attribute('custody.link.seq', any.int(128))))).status).toBe(413);
  });

  it('stops a zip bomb at the limit after inflation', async () => {
    const { url, records } = await start({ limits: { inflatedBytes: 1_000_000 } });
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    expect(bomb.length).toBeLessThan(60_000);
    const response = await post(url, bomb, { ...PROTOBUF, 'content-encoding': 'gzip' });
    expect(response.status).toBe(413);
    expect(decode('rpcStatus', await bytesOf(response))).toMatchObject({ message: expect.stringMatching(/1000000 bytes once inflated/) });
    expect(records).toMatchObject([{ status: 413 }]);
  });

  it('is lower for JSON, which takes more memory than its bytes', async () => {
    const { url } = await start({ limits: { jsonBytes: 20 } });
    const response = await post(url, JSON.stringify({ resourceSpans: [{}, {}] }), JSON_TYPE);
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ code: 8, details: [] });
  });

  it('answers 413 to more spans than a request may hold', async () => {
    const { url, ingested } = await start({ limits: { spansPerRequest: 2 } });
    const response = await post(url, requestOf(IDS, IDS, IDS));
    expect(response.status).toBe(413);
    expect(decode('rpcStatus', await bytesOf(response))).toMatchObject({
      message: expect.stringMatching(/more than 2 spans.*OTEL_BSP_MAX_EXPORT_BATCH_SIZE/),
    });
    expect(ingested).toEqual([]);
  });

  it('serves the next request on the connection of one that was too large', async () => {
    const { port } = await start({ limits: { bodyBytes: 10 } });
    const head = (length: number, more = '') =>
      `POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: ${length}\r\n${more}\r\n`;
    const heard = await converse(port, head(5000), 'x'.repeat(5000), head(0, 'Connection: close\r\n'));
    expect(heard.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 413', 'HTTP/1.1 200']);
  });
});

describe('overload', () => {
  it('is 503 with Retry-After when the engine is busy', async () => {
    const { url } = await start({ ingest: async () => ({ type: 'busy', retryAfterSeconds: 2.5 }) });
    const response = await post(url, LINK);
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('3');
    expect(decode('rpcStatus', await bytesOf(response))).toEqual({
      code: 14,
      message: expect.stringMatching(/busy; send this request again later/),
    });
  });

  it('is 503 when the engine fails: what may not be durable is never accepted', async () => {
    const { url, logs, records } = await start({
      retryAfterSeconds: 7,
      ingest: async () => {
        throw new TypeError('disk full');
      },
    });
    const response = await post(url, LINK, { ...PROTOBUF });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('7');
    expect(decode('rpcStatus', await bytesOf(response))).not.toMatchObject({ message: expect.stringContaining('disk full') });
    expect(logs.join()).toMatch(/error a batch could not be made durable .*disk full/);
    expect(records).toMatchObject([{ status: 503 }]);
  });

  it('is 503 beyond the requests in flight, and over once one is answered', async () => {
    const gate = deferred<IngestAnswer>();
    const entered = deferred<void>();
    const { url } = await start({
      limits: { requestsInFlight: 1 },
      ingest: () => {
        entered.resolve();
        return gate.promise;
      },
    });
    const first = post(url, LINK);
    await entered.promise;
    const second = await post(url, LINK);
    expect(second.status).toBe(503);
    expect(second.headers.get('retry-after')).toBe('1');
    gate.resolve(ACCEPTED);
    expect((await first).status).toBe(200);
    expect((await post(url, LINK)).status).toBe(200);
  });

  it('is 503 beyond the bytes in flight, counted as sent and inflated, and given back', async () => {
    const { url } = await start({ limits: { bytesInFlight: 50_000 } });
    const large = gzipSync(requestWith(field(5, 'x'.repeat(100_000))));
    expect((await post(url, large, { ...PROTOBUF, 'content-encoding': 'gzip' })).status).toBe(503);
    const fits = requestWith(field(5, 'x'.repeat(40_000)));
    for (let i = 0; i < 3; i++) expect((await post(url, fits)).status).toBe(200);
  });
});

describe('slow and broken clients', () => {
  it('cuts off one that never ends its headers', async () => {
    const { port } = await start({ timeouts: { headersMs: 150, requestMs: 300 } });
    expect(await converse(port, 'POST /v1/traces HTTP/1.1\r\nHost: x\r\nX-Slow: ')).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('cuts off one that never ends its body, and counts it', async () => {
    const { port, records } = await start({ timeouts: { headersMs: 150, requestMs: 300 } });
    await converse(port, 'POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 100\r\n\r\nabc');
    expect(records).toMatchObject([{ status: 499, spans: 0 }]);
  });

  it('gives back what a client that went away had taken', async () => {
    const gone = deferred<void>();
    const { port, url } = await start({
      limits: { requestsInFlight: 1 },
      onRequest: ({ status }) => (status === 499 ? gone.resolve() : undefined),
    });
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write('POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 100\r\n\r\nabc', () =>
      socket.destroy(),
    );
    await gone.promise;
    expect((await post(url, LINK)).status).toBe(200);
  });

  it('answers what is not HTTP', async () => {
    const { port } = await start();
    expect(await converse(port, 'hello\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('does not ask for a body that it will refuse (Expect: 100-continue)', async () => {
    const { url } = await start({ limits: { bodyBytes: 10 } });
    const ask = async (length: number) => {
      const request = httpRequest(url, { method: 'POST', headers: { ...PROTOBUF, expect: '100-continue', 'content-length': length } });
      const continued = once(request, 'continue').then(() => 'continue');
      const answered = once(request, 'response').then(([response]) => response.statusCode as number);
      request.flushHeaders();
      const first = await Promise.race([continued, answered]);
      if (first === 'continue') request.end(Buffer.alloc(0));
      else request.destroy();
      return first;
    };
    expect(await ask(11)).toBe(413);
    const request = httpRequest(url, { method: 'POST', headers: { ...PROTOBUF, expect: '100-continue', 'content-length': 0 } });
    request.on('continue', () => request.end());
    request.flushHeaders();
    const [response] = await once(request, 'response');
    expect(response.statusCode).toBe(200);
    response.resume();
  });
});

describe('keep-alive', () => {
  it('serves requests that come one after another on one connection', async () => {
    const { port, ingested } = await start();
    const one = (last: boolean) =>
      Buffer.concat([
        Buffer.from(
          `POST /v1/traces HTTP/1.1\r\nHost: x\r\n${last ? 'Connection: close\r\n' : ''}Content-Type: application/x-protobuf\r\nContent-Length: ${LINK.length}\r\n\r\n`,
        ),
        LINK,
      ]).toString('latin1');
    const socket = connect(port, '127.0.0.1');
    let heard = '';
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1');
    });
    socket.write(one(false) + one(false) + one(true), 'latin1');
    await once(socket, 'close');
    expect(heard.match(/HTTP\/1\.1 200/g)).toHaveLength(3);
    expect(ingested).toHaveLength(3);
  });
});

describe('close', () => {
  it('lets what is in flight finish, takes nothing more, and then resolves', async () => {
    const gate = deferred<IngestAnswer>();
    const entered = deferred<void>();
    const { receiver, url } = await start({
      ingest: () => {
        entered.resolve();
        return gate.promise;
      },
    });
    const inFlight = post(url, LINK);
    await entered.promise;
    let closed = false;
    const closing = receiver.close().then(() => {
      closed = true;
    });
    await expect(post(url, LINK)).rejects.toThrow();
    expect(closed).toBe(false);
    gate.resolve(ACCEPTED);
    const response = await inFlight;
    expect(response.status).toBe(200);
    expect(response.headers.get('connection')).toBe('close');
    await closing;
    expect(closed).toBe(true);
  });

  it('waits for no connection that asks for nothing', async () => {
    const { receiver, port, url } = await start();
    expect((await post(url, LINK)).status).toBe(200); // leaves a connection that is kept alive
    const silent = connect(port, '127.0.0.1');
    await once(silent, 'connect');
    const half = connect(port, '127.0.0.1');
    await once(half, 'connect');
    half.on('error', () => undefined);
    half.write('POST /v1/tr');
    const ended = Promise.all([silent, half].map((socket) => new Promise((resolve) => socket.resume().once('close', resolve))));
    await receiver.close(60_000);
    await ended;
    await expect(post(url, LINK)).rejects.toThrow();
  });

  it('cuts off after its grace what does not finish', async () => {
    const entered = deferred<void>();
    const { receiver, url } = await start({
      ingest: () => {
        entered.resolve();
        return new Promise<IngestAnswer>(() => undefined);
      },
    });
    const inFlight = post(url, LINK);
    const failed = expect(inFlight).rejects.toThrow();
    await entered.promise;
    await receiver.close(0);
    await failed;
  });

  it('can be asked for twice', async () => {
    const { receiver } = await start();
    await Promise.all([receiver.close(), receiver.close()]);
    await expect(receiver.close()).resolves.toBeUndefined();
  });
});

describe('metrics', () => {
  it('are told of each request, once, with what it held', async () => {
    const { url, records } = await start();
    const body = requestOf(concat(IDS, attribute('custody.link.seq', any.int(1))), IDS);
    const sent = gzipSync(body);
    await post(url, sent, { ...PROTOBUF, 'content-encoding': 'gzip' });
    await post(url, 'x', { 'content-type': 'text/plain' });
    await send(url, 'GET');
    expect(records).toEqual([
      { status: 200, seconds: expect.any(Number), spans: 2, rejectedSpans: 0, bytes: sent.length },
      { status: 415, seconds: expect.any(Number), spans: 0, rejectedSpans: 0, bytes: 0 },
    ]);
  });
});
