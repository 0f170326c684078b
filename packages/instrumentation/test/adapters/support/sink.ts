import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { type LinkCopy, readSpan } from '@agent-custody/chain';
import { nodeHashing } from '../../../src/hashing.js';
import { spansOfProtobuf } from '../../support/protobuf.js';

type ReceivedSpan = ReturnType<typeof spansOfProtobuf>[number];

/** What the sink answers to one request; by default it accepts. */
export interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  /** Held back until this resolves. */
  readonly after?: Promise<unknown>;
}

/** A real OTLP receiver in the collector's place: keeps what it accepted. */
export interface Sink {
  readonly url: string;
  /** Spans of every request that was answered with 200, in the order of arrival. */
  spans(): readonly ReceivedSpan[];
  /** The links among them; fails on a malformed one. */
  links(): readonly LinkCopy[];
  /** Requests so far, refused ones included. */
  requests(): number;
  /** Resolves as soon as `holds`, which is asked after every request. */
  until(holds: () => boolean): Promise<void>;
  close(): Promise<void>;
}

/** What has the application's own spans exported to a sink, beside the links. */
export function spansTo({ url }: Sink): Readonly<Record<string, string>> {
  return { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: url };
}

export async function startSink(answer: (request: number) => Answer = () => ({ status: 200 })): Promise<Sink> {
  const spans: ReceivedSpan[] = [];
  const links: LinkCopy[] = [];
  const waiting = new Set<() => void>();
  let requests = 0;
  let read = 0;
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request);
    const { status, headers = {}, after } = answer(requests++);
    await after;
    if (status === 200) spans.push(...spansOfProtobuf(body));
    response.writeHead(status, { 'content-type': 'application/x-protobuf', ...headers }).end();
    for (const check of waiting) check();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    spans: () => spans,
    links: () => {
      // Each span is read once, however often a test asks.
      for (; read < spans.length; read++) links.push(...spans.slice(read, read + 1).flatMap(linkOf));
      return [...links];
    },
    requests: () => requests,
    until: (holds) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!holds()) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  return request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
}

function linkOf(span: ReceivedSpan): LinkCopy[] {
  const reading = readSpan(span, nodeHashing);
  if (reading.type === 'malformed') throw new Error(`malformed link ${reading.session} ${reading.seq}: ${reading.detail}`);
  return reading.type === 'link' ? [reading.link] : [];
}
