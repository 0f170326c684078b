import type { IncomingMessage, ServerResponse } from 'node:http';
import { IntakeError, type Scanned, scanJson, scanRequest } from '../scan/index.js';
import { admit } from './admit.js';
import { type BodyFormat, CONTENT_TYPE, exportResponse, statusResponse } from './answer.js';
import { readBody } from './body.js';
import type { InFlight, Lease } from './in-flight.js';
import { ClientGone, overloaded, Refusal, RPC_CODE, tooLarge } from './refusal.js';
import type { Gate } from './tokens.js';
import type { ReceiverLimits, ReceiverLog, ReceiverOptions, RequestRecord } from './types.js';

export interface TracesOptions extends Pick<ReceiverOptions, 'ingest' | 'onRequest'> {
  readonly limits: ReceiverLimits;
  readonly retryAfterSeconds: number;
  readonly gate: Gate;
  readonly inFlight: InFlight;
  readonly log: ReceiverLog;
}

/** The status that a client's going away is counted under; no such answer is ever sent. */
const CLIENT_GONE = 499;

/** What one request came to. */
interface Outcome {
  readonly spans: number;
  readonly rejectedSpans: number;
  readonly message: string;
}

/** Answers one POST of traces, whatever happens. `proceed` is called when its body is wanted (Expect: 100-continue). */
export async function handleTraces(
  request: IncomingMessage,
  response: ServerResponse,
  options: TracesOptions,
  proceed: () => void,
): Promise<void> {
  const started = performance.now();
  const record = { status: 200, spans: 0, rejectedSpans: 0, bytes: 0 };
  const format = formatOf(request);
  try {
    const outcome = await takeIn(request, format, options, proceed, (bytes) => {
      record.bytes = bytes;
    });
    record.spans = outcome.spans;
    record.rejectedSpans = outcome.rejectedSpans;
    if (outcome.rejectedSpans > 0) {
      options.log('warn', 'spans rejected', { rejected: outcome.rejectedSpans, spans: outcome.spans, reason: outcome.message });
    }
    send(response, 200, CONTENT_TYPE[format ?? 'protobuf'], exportResponse(format ?? 'protobuf', outcome.rejectedSpans, outcome.message));
  } catch (error) {
    record.status = refuse(request, response, format, error, options);
  }
  options.onRequest?.({ ...record, seconds: (performance.now() - started) / 1000 } satisfies RequestRecord);
}

/** @throws Refusal, ClientGone, or what the engine threw */
async function takeIn(
  request: IncomingMessage,
  format: BodyFormat | undefined,
  options: TracesOptions,
  proceed: () => void,
  onBody: (bytes: number) => void,
): Promise<Outcome> {
  const { limits, gate, inFlight } = options;
  const caller = gate.caller(request.headers.authorization);
  if (gate.isOpen && request.headers.origin !== undefined) throw fromPage();
  if (format === undefined) {
    throw new Refusal(415, 'send application/x-protobuf or application/json', { rpcCode: RPC_CODE.invalidArgument });
  }
  const lease = inFlight.enter();
  try {
    const scanned = await readScanned(request, format, limits, lease, proceed, onBody);
    const admitted = admit(scanned, caller, limits.attributesPerSpan);
    if (admitted.scanned.spans.length === 0) return { ...admitted, spans: scanned.spans.length };
    const answer = await options.ingest(admitted.scanned, caller);
    if (answer.type === 'busy') throw overloaded('the collector is busy; send this request again later', answer.retryAfterSeconds);
    return {
      spans: scanned.spans.length,
      rejectedSpans: admitted.rejectedSpans + answer.rejectedSpans,
      message: [admitted.message, answer.message ?? ''].filter((part) => part !== '').join('; '),
    };
  } finally {
    lease.release();
  }
}

/**
 * Without tokens whoever is on this machine may send; a page in a browser there is not who is meant. One whose name was made to
 * resolve to this machine (DNS rebinding) needs no CORS, but its browser still says with each POST that a page sent it.
 */
function fromPage(): Refusal {
  const message = 'spans of a page in a browser are not taken where nobody is asked for a token; set --ingest-token';
  return new Refusal(403, message, { rpcCode: RPC_CODE.permissionDenied });
}

async function readScanned(
  request: IncomingMessage,
  format: BodyFormat,
  limits: ReceiverLimits,
  lease: Lease,
  proceed: () => void,
  onBody: (bytes: number) => void,
): Promise<Scanned> {
  const inflated = format === 'json' ? Math.min(limits.jsonBytes, limits.inflatedBytes) : limits.inflatedBytes;
  const body = await readBody(request, { sent: limits.bodyBytes, inflated }, lease, proceed);
  onBody(body.sent);
  const scanLimits = { spans: limits.spansPerRequest, attributesPerSpan: limits.attributesPerSpan };
  try {
    return format === 'json' ? scanJson(body.bytes, scanLimits) : { ...scanRequest(body.bytes, scanLimits), received: body.gzip };
  } catch (error) {
    if (!(error instanceof IntakeError)) throw error;
    if (error.code === 'too_many_spans') throw tooLarge(error.message);
    throw new Refusal(400, error.message, { rpcCode: RPC_CODE.invalidArgument }, { cause: error });
  }
}

/** Answers an error and returns the status that it is counted under. */
function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  format: BodyFormat | undefined,
  error: unknown,
  options: TracesOptions,
): number {
  if (error instanceof ClientGone) {
    options.log('debug', 'client went away before its request was whole');
    response.destroy();
    return CLIENT_GONE;
  }
  const refusal = error instanceof Refusal ? error : notKept(error, options);
  options.log(refusal.code === 503 ? 'debug' : 'warn', 'request refused', {
    status: refusal.code,
    reason: refusal.message,
    remote: request.socket.remoteAddress ?? '',
  });
  for (const [name, value] of Object.entries(refusal.headers)) response.setHeader(name, value);
  if (format === undefined || refusal.code === 415) send(response, refusal.code, 'text/plain; charset=utf-8', `${refusal.message}\n`);
  else {
    send(response, refusal.code, CONTENT_TYPE[format], statusResponse(format, refusal.rpcCode, refusal.message, refusal.code === 400));
  }
  // What is left of the body is passed over until the request's time is up: a connection that is cut while a client still sends
  // would take the answer with it.
  request.resume();
  return refusal.code;
}

/** The engine failed: nothing is known to be durable, so the client must send again. */
function notKept(error: unknown, options: TracesOptions): Refusal {
  options.log('error', 'a batch could not be made durable', { error: error instanceof Error ? error.message : String(error) });
  return overloaded('the collector could not store this request; send it again later', options.retryAfterSeconds);
}

function formatOf(request: IncomingMessage): BodyFormat | undefined {
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (type === CONTENT_TYPE.protobuf) return 'protobuf';
  return type === CONTENT_TYPE.json ? 'json' : undefined;
}

export function send(response: ServerResponse, status: number, contentType: string, body: Uint8Array | string): void {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  // Messages may quote what a client sent: no browser may keep them or take them for a page.
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': bytes.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(bytes);
}
