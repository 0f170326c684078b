import { once } from 'node:events';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { afterEach } from 'vitest';
import {
  type Caller,
  createReceiver,
  type IngestAnswer,
  type Receiver,
  type ReceiverOptions,
  type RequestRecord,
} from '../src/receive/index.js';
import type { Scanned } from '../src/scan/index.js';

export const PROTOBUF = { 'content-type': 'application/x-protobuf' };
export const JSON_TYPE = { 'content-type': 'application/json' };

export interface Started {
  readonly receiver: Receiver;
  readonly origin: string;
  readonly port: number;
  /** The traces URL. */
  readonly url: string;
  readonly ingested: { scanned: Scanned; caller: Caller }[];
  readonly records: RequestRecord[];
  readonly logs: string[];
}

const started: Receiver[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((receiver) => receiver.close(0)));
});

/** A real receiver on a free port of 127.0.0.1, closed after the test; it accepts everything unless told otherwise. */
export async function start(options: Partial<ReceiverOptions> = {}): Promise<Started> {
  const ingested: Started['ingested'] = [];
  const records: RequestRecord[] = [];
  const logs: string[] = [];
  const accepted: IngestAnswer = { type: 'accepted', rejectedSpans: 0 };
  const receiver = createReceiver({
    port: 0,
    onRequest: (record) => records.push(record),
    log: (level, message, fields) => logs.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`),
    ...options,
    ingest: async (scanned, caller) => {
      ingested.push({ scanned, caller });
      return (await options.ingest?.(scanned, caller)) ?? accepted;
    },
  });
  started.push(receiver);
  const { port } = await receiver.listen();
  const origin = `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  return { receiver, origin, port, url: `${origin}${options.path ?? '/v1/traces'}`, ingested, records, logs };
}

export const post = (url: string, body: Uint8Array | string, headers: Record<string, string> = PROTOBUF): Promise<Response> =>
  fetch(url, { method: 'POST', body: typeof body === 'string' ? body : new Uint8Array(body), headers });

export const bytesOf = async (response: Response): Promise<Uint8Array> => new Uint8Array(await response.arrayBuffer());

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A request by node:http, for methods and headers that fetch does not send. */
export async function send(url: string, method: string, headers: Record<string, string> = {}, body = ''): Promise<RawAnswer> {
  const request = httpRequest(url, { method, headers });
  request.end(body);
  const [response] = await once(request, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString() };
}

/** What a server says on a bare connection, until it closes it. */
export async function converse(port: number, ...said: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let heard = '';
  socket.on('data', (chunk) => {
    heard += chunk.toString();
  });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  for (const each of said) socket.write(each);
  await once(socket, 'close');
  return heard;
}
