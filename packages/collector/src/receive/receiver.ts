import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { answerError } from '../api/answer.js';
import { ReceiverError } from './error.js';
import { InFlight } from './in-flight.js';
import { createGate, type Gate, unauthenticated } from './tokens.js';
import { handleTraces, send, type TracesOptions } from './traces.js';
import type { Receiver, ReceiverLimits, ReceiverLog, ReceiverOptions, ReceiverTimeouts } from './types.js';

const MIB = 1024 * 1024;

const DEFAULT_LIMITS: ReceiverLimits = {
  bodyBytes: 20 * MIB,
  inflatedBytes: 64 * MIB,
  jsonBytes: 16 * MIB,
  spansPerRequest: 50_000,
  attributesPerSpan: 1024,
  requestsInFlight: 512,
  bytesInFlight: 256 * MIB,
  connections: 4096,
};

const DEFAULT_TIMEOUTS: ReceiverTimeouts = { headersMs: 10_000, requestMs: 30_000, keepAliveMs: 65_000 };

const DEFAULT_PUBLIC_PATHS = ['/healthz', '/readyz'];
const TEXT = 'text/plain; charset=utf-8';

/**
 * An OTLP/HTTP receiver for traces: protobuf and JSON, gzip, deflate and none, on one port, answered as the OTLP specification
 * says; and the way in for every other page of the collector. Nothing is answered 200 before `ingest` said that it is durable.
 *
 * @throws ReceiverError `invalid_token`, `invalid_tls`
 * @example const receiver = createReceiver({ port: 4318, ingest: engine.ingest }); await receiver.listen();
 */
export function createReceiver(options: ReceiverOptions): Receiver {
  const limits: ReceiverLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const log: ReceiverLog = options.log ?? (() => undefined);
  const gate = createGate(options.ingestTokens ?? [], options.readerTokenSha256);
  const retryAfterSeconds = options.retryAfterSeconds ?? 1;
  const traces: TracesOptions = {
    ingest: options.ingest,
    ...(options.onRequest && { onRequest: options.onRequest }),
    limits,
    retryAfterSeconds,
    gate,
    inFlight: new InFlight(limits.requestsInFlight, limits.bytesInFlight, retryAfterSeconds),
    log,
  };
  const path = options.path ?? '/v1/traces';
  const other: OtherOptions = {
    handleOther: options.handleOther,
    publicPaths: new Set(options.publicPaths ?? DEFAULT_PUBLIC_PATHS),
    guardsItself: options.guardsItself ?? (() => false),
    gate,
    log,
  };
  const server = makeServer(options);
  const open = new OpenResponses(server);
  server.maxConnections = limits.connections;

  const handle = (request: IncomingMessage, response: ServerResponse, proceed: () => void): void => {
    open.add(response);
    const answered =
      pathOf(request) !== path
        ? handleOther(request, response, other)
        : request.method === 'POST'
          ? handleTraces(request, response, traces, proceed)
          : wrongMethod(request, response);
    // Both handlers answer whatever goes wrong; what still comes here is a mistake of ours, and must not end the process.
    Promise.resolve(answered).catch((error: unknown) => {
      log('error', 'a request could not be answered', { error: String(error) });
      response.destroy();
    });
  };
  server.on('request', (request, response) => handle(request, response, () => undefined));
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    handle(request, response, () => response.writeContinue());
  });

  return {
    listen: () => listen(server, options.host ?? '127.0.0.1', options.port ?? 4318),
    close: (graceMs = 10_000) => open.close(graceMs),
  };
}

/** Keeps count of unanswered requests, so that a server can end without cutting one off. */
class OpenResponses {
  private readonly responses = new Set<ServerResponse>();
  private closing: Promise<void> | undefined;

  constructor(private readonly server: Server) {}

  add(response: ServerResponse): void {
    this.responses.add(response);
    if (this.closing !== undefined) response.setHeader('connection', 'close');
    response.once('close', () => {
      this.responses.delete(response);
      this.endWhenIdle();
    });
  }

  close(graceMs: number): Promise<void> {
    if (this.closing === undefined) {
      this.closing = new Promise((resolve) => this.server.close(() => resolve()));
      for (const response of this.responses) if (!response.headersSent) response.setHeader('connection', 'close');
      this.endWhenIdle();
    }
    const deadline = setTimeout(() => this.server.closeAllConnections(), graceMs);
    return this.closing.finally(() => clearTimeout(deadline));
  }

  /** Connections that have sent nothing yet, or half a header, are waited for by nobody. */
  private endWhenIdle(): void {
    if (this.closing !== undefined && this.responses.size === 0) this.server.closeAllConnections();
  }
}

interface OtherOptions extends Pick<Required<ReceiverOptions>, 'log'> {
  readonly handleOther: ReceiverOptions['handleOther'];
  readonly publicPaths: ReadonlySet<string>;
  readonly guardsItself: (path: string) => boolean;
  readonly gate: Gate;
}

async function handleOther(request: IncomingMessage, response: ServerResponse, options: OtherOptions): Promise<void> {
  const reader = options.gate.reader(request.headers.authorization);
  // Compared as sent, before anybody resolves "..": only the exact path is public.
  if (!reader && !options.publicPaths.has(pathOf(request)) && !options.guardsItself(pathOf(request))) {
    const { code, message, headers } = unauthenticated(request.headers.authorization !== undefined, "the reader's token");
    answerError(response, code, { code: 'unauthorized', message }, headers);
    request.resume();
    return;
  }
  try {
    const handled = (await options.handleOther?.(request, response, { reader })) ?? false;
    if (!handled && !response.headersSent) answerError(response, 404, { code: 'not_found', message: 'there is no such page' });
  } catch (error) {
    options.log('error', 'a page could not be made', { error: error instanceof Error ? error.message : String(error) });
    if (response.headersSent) response.destroy();
    else answerError(response, 500, { code: 'failed', message: 'the page could not be made; the log of the collector says why' });
  }
  request.resume();
}

function wrongMethod(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('allow', 'POST');
  send(response, 405, TEXT, 'traces are sent with POST\n');
  request.resume();
}

/** The path as it was sent, without the query. */
function pathOf(request: IncomingMessage): string {
  const url = request.url ?? '';
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}

function makeServer({ tls, timeouts }: ReceiverOptions): Server {
  const { headersMs, requestMs, keepAliveMs } = { ...DEFAULT_TIMEOUTS, ...timeouts };
  const http: ServerOptions = {
    headersTimeout: Math.min(headersMs, requestMs),
    requestTimeout: requestMs,
    keepAliveTimeout: keepAliveMs,
    // How often the two above are looked at.
    connectionsCheckingInterval: Math.max(100, Math.min(headersMs, requestMs) / 4),
  };
  if (tls === undefined) return createServer(http);
  try {
    return createTlsServer({ ...http, ...tls, minVersion: 'TLSv1.2', handshakeTimeout: headersMs });
  } catch (cause) {
    const message = "the TLS certificate and key cannot be used: both must be PEM, and the key the certificate's";
    throw new ReceiverError('invalid_tls', `${message} (${cause instanceof Error ? cause.message : String(cause)})`, { cause });
  }
}

function listen(server: Server, host: string, port: number): Promise<{ host: string; port: number }> {
  return new Promise((resolve, reject) => {
    const failed = (cause: Error): void => {
      reject(new ReceiverError('listen_failed', `cannot listen on ${host}:${port}: ${cause.message}; choose another address`, { cause }));
    };
    server.once('error', failed);
    server.listen(port, host, () => {
      server.off('error', failed);
      const address = server.address() as AddressInfo;
      resolve({ host: address.address, port: address.port });
    });
  });
}
