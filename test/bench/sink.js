import { createServer } from 'node:http';
import { gunzipSync } from 'node:zlib';

/** Stands in Tempo's place: takes OTLP/HTTP, and counts the spans that it gets. */
export class Sink {
  #server = createServer((request, response) => {
    /** @type {Buffer[]} */
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.once('end', () => {
      const sent = Buffer.concat(chunks);
      this.#count(request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent);
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  #spans = 0;
  #wanted = 0;
  #reached = () => {};

  /** Answers where to send spans. */
  async listen() {
    this.#server.keepAliveTimeout = 0;
    await new Promise((resolve) => this.#server.listen(0, '127.0.0.1', () => resolve(undefined)));
    const address = this.#server.address();
    if (address === null || typeof address !== 'object') throw new Error('the sink has no port');
    return `http://127.0.0.1:${address.port}/v1/traces`;
  }

  /**
   * Resolves when `spans` more have come.
   *
   * @param {number} spans
   */
  receive(spans) {
    if (this.#spans !== 0) throw new Error(`${this.#spans} spans came that nobody waits for`);
    this.#wanted = spans;
    return new Promise((resolve) => {
      this.#reached = () => resolve(undefined);
    });
  }

  close() {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** @param {Buffer} request */
  #count(request) {
    for (const resourceSpans of fields(request, 0, request.length, 1)) {
      for (const scopeSpans of fields(request, ...resourceSpans, 2)) {
        for (const span of fields(request, ...scopeSpans, 2)) if (isSent(request, ...span)) this.#spans++;
      }
    }
    if (this.#wanted === 0 || this.#spans < this.#wanted) return;
    this.#spans -= this.#wanted;
    this.#wanted = 0;
    this.#reached();
  }
}

/**
 * Whether a span was sent by the load: the collector's verdicts come on top. A finding among honest chains makes the bench worthless.
 *
 * @param {Buffer} bytes
 * @param {number} start
 * @param {number} end
 */
function isSent(bytes, start, end) {
  for (const [from, to] of fields(bytes, start, end, 5)) {
    const name = bytes.toString('latin1', from, to);
    if (name.startsWith('finding ')) throw new Error(`the collector has found something in an honest chain: ${name}`);
    return !name.startsWith('verdict ');
  }
  return true;
}

/**
 * Where the values of a length-delimited field stand in a message.
 *
 * @param {Buffer} bytes
 * @param {number} start
 * @param {number} end
 * @param {number} field
 * @returns {Generator<[number, number]>}
 */
function* fields(bytes, start, end, field) {
  let at = start;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < end) {
    const tag = varint();
    switch (tag & 7) {
      case 0:
        varint();
        break;
      case 1:
        at += 8;
        break;
      case 5:
        at += 4;
        break;
      default: {
        const stop = varint() + at;
        if (tag >>> 3 === field) yield [at, stop];
        at = stop;
      }
    }
  }
}
