// The query API of the stand-in for Tempo, after the recorded answers of 2.10.8 and 3.0.3 (tempo/README.md): the TraceQL that it
// knows is what the collector asks.

import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { concat, field, varint } from './scan-bytes.js';
import type { TempoStore } from './tempo-store.js';

const recorded = (file: string): Buffer => readFileSync(new URL(`tempo/${file}`, import.meta.url));

export interface QueryOptions {
  version: '3.0.3' | '2.10.8';
  /** Without version 2 of the trace API, as Tempo was before 2.6. */
  onlyV1: boolean;
  /** Several tenants: without X-Scope-OrgID the answer is 401, and each sees its own. */
  tenants: ReadonlyMap<string, TempoStore> | undefined;
  /** `query_frontend.search.max_result_limit`. */
  maxLimit: number;
  /** What search does not see yet. */
  unsearchable: ReadonlySet<string>;
  /** Traces of which the answer says that it is a part. */
  partial: ReadonlySet<string>;
}

type Attributes = ReadonlyMap<string, string | number>;

const MAX_RANGE_SECONDS = 168 * 3600;

export function answerQuery(store: TempoStore, options: QueryOptions, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://tempo');
  const tenant = request.headers['x-scope-orgid'];
  if (options.tenants !== undefined && tenant === undefined) {
    text(response, 401, 'no org id');
    return;
  }
  const own = options.tenants?.get(String(tenant)) ?? store;
  const [, v2] = /^\/api\/v2\/traces\/([0-9a-f]+)$/.exec(url.pathname) ?? [];
  const [, v1] = /^\/api\/traces\/([0-9a-f]+)$/.exec(url.pathname) ?? [];
  if (v2 !== undefined && !options.onlyV1) {
    const trace = own.encode(v2);
    const status = options.partial.has(v2) ? concat(varint(3, 1), field(4, 'the trace is larger than the query allows')) : Buffer.alloc(0);
    answerTrace(request, response, concat(field(1, trace), field(2), status));
  } else if (v1 !== undefined) {
    const trace = own.encode(v1);
    if (trace.length === 0) text(response, 404, 'trace not found');
    else answerTrace(request, response, trace);
  } else if (url.pathname === '/api/search') answerSearch(own, options, url.searchParams, response);
  else if (url.pathname === '/api/status/buildinfo') json(response, recorded(`tempo-${options.version}-buildinfo.json`));
  else text(response, 404, '404 page not found');
}

function answerTrace(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  // JSON is what it answers to anything else; the collector is not to ask for it.
  if (request.headers.accept !== 'application/protobuf') {
    json(response, Buffer.from('{}'));
    return;
  }
  response.writeHead(200, { 'content-type': 'application/protobuf' });
  response.end(body);
}

function answerSearch(store: TempoStore, options: QueryOptions, parameters: URLSearchParams, response: ServerResponse): void {
  const matches = matcherOf(parameters.get('q') ?? '');
  if (matches === undefined) {
    text(response, 400, recorded(`tempo-${options.version}-search-bad-query.txt`).toString());
    return;
  }
  const limit = Number(parameters.get('limit') ?? 20);
  const start = Number(parameters.get('start') ?? 0);
  const end = Number(parameters.get('end') ?? 0);
  const refusal =
    Number(parameters.get('spss') ?? 3) > 100
      ? 'spans per span set exceeds 100'
      : limit > options.maxLimit
        ? `limit ${limit} exceeds max limit ${options.maxLimit}`
        : end <= start && end + start > 0
          ? `http parameter start must be before end. received start=${start} end=${end}`
          : end - start > MAX_RANGE_SECONDS
            ? `range specified by start and end exceeds 168h0m0s. received start=${start} end=${end}`
            : undefined;
  if (refusal !== undefined) {
    text(response, 400, refusal);
    return;
  }
  // Without a range recent data only is searched: here all is recent.
  const ids = store.search(matches, end === 0 ? undefined : { start, end }).filter((id) => !options.unsearchable.has(id));
  // Any of those that match: here every other time from the other end.
  const shown = (limit % 2 === 0 ? ids : ids.reverse()).slice(0, limit);
  const traces = shown.map((id) => ({ traceID: id.replace(/^0+/, ''), rootServiceName: '<root span not yet received>', durationMs: 1 }));
  json(response, Buffer.from(JSON.stringify({ traces, metrics: { inspectedBytes: '23017', completedJobs: 3, totalJobs: 3 } })));
}

/** A selector such as `{ span.a = "b" && span.c >= 1 }`; undefined for anything else. */
function matcherOf(query: string): ((attributes: Attributes) => boolean) | undefined {
  const selector = /^\{ (.+) \}$/.exec(query.trim())?.[1];
  if (selector === undefined) return undefined;
  const conditions = selector.split(' && ').map((condition) => /^span\.([a-z_.]+) (=|>=) (?:"([^"]*)"|(\d+))$/.exec(condition));
  if (conditions.includes(null)) return undefined;
  return (attributes) =>
    conditions.every((condition) => {
      const [, key = '', operator, string, number] = condition ?? [];
      const value = attributes.get(key);
      const wanted = number === undefined ? string : Number(number);
      if (value === undefined || wanted === undefined) return false;
      return operator === '=' ? value === wanted : typeof value === 'number' && value >= Number(wanted);
    });
}

function json(response: ServerResponse, body: Buffer): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(body);
}

function text(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(body);
}
