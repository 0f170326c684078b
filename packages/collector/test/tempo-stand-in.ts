// A stand-in for Grafana Tempo: its OTLP receiver, and its query API on a port of its own. What it answers to good and to bad requests
// is what Tempo 3.0.3 and 2.10.8 answered (test/tempo); failures are scripted by the test. It keeps what it acknowledged, so that a
// test can say what is not there.

import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { concat, field, varint } from './scan-bytes.js';
import { type StoredSpan, spansIn } from './stored-spans.js';
import { answerQuery, type QueryOptions } from './tempo-query-api.js';
import { TempoStore } from './tempo-store.js';

const recorded = (file: string): Buffer => readFileSync(new URL(`tempo/${file}`, import.meta.url));
const BAD_PROTOBUF = recorded('tempo-3.0.3-ingest-badpb.bin');
/** The protobuf form of the recorded `{"partialSuccess":{}}`. */
const OK = Buffer.from([0x0a, 0x00]);

/** What the stand-in does with one request instead of taking it. */
export type Behaviour =
  | { readonly type: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** Takes the connection away before an answer. */
  | { readonly type: 'hang_up' }
  /** Never answers. */
  | { readonly type: 'silent' }
  /** 200, all but `rejected` spans taken. */
  | { readonly type: 'partial'; readonly rejected: number; readonly message: string }
  /** Takes the spans, and the connection away before the answer. */
  | { readonly type: 'lose_answer' };

export interface ReceivedRequest {
  readonly headers: IncomingMessage['headers'];
  readonly spans: readonly StoredSpan[];
  readonly at: number;
}

export class TempoStandIn {
  /** Every request that could be read, taken or not. */
  readonly requests: ReceivedRequest[] = [];
  /** What was acknowledged, or taken before the answer was lost. */
  readonly stored: StoredSpan[] = [];
  /** Answers 400 to requests that hold such a span, as Tempo does to one whose ids are bad. */
  poison: ((span: StoredSpan) => boolean) | undefined;
  /** The status to answer to poison. */
  poisonStatus = 400;
  /** What can be queried: cut, dropped and doubled as Tempo does. */
  readonly store = new TempoStore();
  readonly query: QueryOptions = {
    version: '3.0.3',
    onlyV1: false,
    tenants: undefined,
    maxLimit: 262_144,
    unsearchable: new Set(),
    partial: new Set(),
  };
  /** Every query, path and parameters, with its headers. */
  readonly queries: { readonly url: string; readonly headers: IncomingMessage['headers'] }[] = [];
  private queryScript: Behaviour[] = [];
  private queryStanding: Behaviour | undefined;
  private readonly queryServer = createServer((request, response) => this.ask(request, response));
  private script: Behaviour[] = [];
  private standing: Behaviour | undefined;
  private waiting: { readonly met: () => boolean; readonly resolve: () => void }[] = [];
  private readonly server = createServer((request, response) => this.take(request, response));

  /** @returns the URL to post traces to */
  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(port, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1/traces`;
  }

  /** What is sent from now on can be queried. @returns the URL of the query API */
  async listenForQueries(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.queryServer.listen(port, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.queryServer.address() as AddressInfo).port}`;
  }

  /** {@link next} and {@link always} of queries. */
  nextQuery(...behaviours: readonly Behaviour[]): void {
    this.queryScript.push(...behaviours);
  }

  alwaysQuery(behaviour: Behaviour | undefined): void {
    this.queryStanding = behaviour;
  }

  /** One behaviour a request, then as usual. */
  next(...behaviours: readonly Behaviour[]): void {
    this.script.push(...behaviours);
  }

  /** From now on, until told `undefined`. */
  always(behaviour: Behaviour | undefined): void {
    this.standing = behaviour;
  }

  /** Resolves once `met` is true, looked at after every request. */
  async until(met: () => boolean): Promise<void> {
    if (met()) return;
    await new Promise<void>((resolve) => this.waiting.push({ met, resolve }));
  }

  async close(): Promise<void> {
    for (const server of [this.server, this.queryServer]) {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    }
  }

  private ask(request: IncomingMessage, response: ServerResponse): void {
    this.queries.push({ url: request.url ?? '', headers: request.headers });
    response.on('close', () => this.look());
    const behaviour = this.queryScript.shift() ?? this.queryStanding;
    if (behaviour === undefined) answerQuery(this.store, this.query, request, response);
    else if (behaviour.type === 'status') {
      response.writeHead(behaviour.status, { 'content-type': 'text/plain; charset=utf-8', ...behaviour.headers });
      response.end();
    } else if (behaviour.type === 'hang_up') response.destroy();
    else this.look();
  }

  private take(request: IncomingMessage, response: ServerResponse): void {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('error', () => response.destroy());
    request.on('end', () => {
      const body = Buffer.concat(parts);
      this.answer(request, response, request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body);
      response.on('close', () => this.look());
    });
  }

  private answer(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    let spans: StoredSpan[];
    try {
      spans = spansIn(body);
    } catch {
      reply(response, 400, BAD_PROTOBUF);
      return;
    }
    this.requests.push({ headers: request.headers, spans, at: performance.now() });
    const behaviour = this.script.shift() ?? this.standing;
    if (behaviour === undefined) {
      if (this.poison !== undefined && spans.some(this.poison)) reply(response, this.poisonStatus, BAD_PROTOBUF);
      else this.keep(spans, body, response, OK);
      return;
    }
    switch (behaviour.type) {
      case 'status':
        reply(response, behaviour.status, Buffer.alloc(0), behaviour.headers);
        break;
      case 'hang_up':
        response.destroy();
        break;
      case 'silent':
        this.look();
        break;
      case 'partial': {
        const partial = concat(varint(1, behaviour.rejected), field(2, Buffer.from(behaviour.message)));
        this.keep(spans.slice(behaviour.rejected), body, response, field(1, partial));
        break;
      }
      case 'lose_answer':
        this.stored.push(...spans);
        if (this.queryServer.listening) this.store.take(body);
        response.destroy();
        break;
      default:
        behaviour satisfies never;
    }
  }

  private keep(spans: readonly StoredSpan[], body: Buffer, response: ServerResponse, answer: Buffer): void {
    this.stored.push(...spans);
    if (this.queryServer.listening) this.store.take(body);
    reply(response, 200, answer);
  }

  private look(): void {
    for (const waiter of this.waiting) if (waiter.met()) waiter.resolve();
    this.waiting = this.waiting.filter(({ met }) => !met());
  }
}

function reply(response: ServerResponse, status: number, body: Buffer, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { 'content-type': 'application/x-protobuf', ...headers });
  response.end(body);
}
