/** What came back for a request. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly retryAfter: string | undefined;
  readonly body: Uint8Array;
}

/** What an answer means for the records that were sent. */
export type Meaning =
  | { readonly type: 'accepted'; readonly warning?: string }
  /** Taken but for so many spans; which ones, OTLP doesn't say. */
  | { readonly type: 'partly'; readonly rejected: bigint; readonly why: string }
  /** Something in the request is wrong and will stay wrong. */
  | { readonly type: 'refused'; readonly why: string }
  /** Not taken now; the same request may be later. */
  | { readonly type: 'later'; readonly why: string; readonly afterMs?: number };

/** Answers such as 500 to one and the same batch before it is taken for the batch's fault. */
const PATIENCE = 5;
const MAX_RETRY_AFTER_MS = 600_000;

/**
 * Reads an answer by the rules of OTLP/HTTP (opentelemetry-proto, docs/specification.md), with three differences, since evidence
 * must not be dropped for what an operator puts right: an answer that says nothing about the records (401, 403, 404, a redirect)
 * is waited out; so is a 200 that no OTLP receiver wrote; and a 5xx that OTLP calls final is believed only after some attempts.
 *
 * @param attempts how often this batch was answered `later` before
 * @param now Unix milliseconds, for a Retry-After that is a date
 */
export function meaningOf(answer: Answer, attempts: number, now: number): Meaning {
  const { status } = answer;
  const why = `the collector answered ${status}`;
  if (status >= 200 && status < 300) return meaningOfSuccess(answer);
  if (status === 400 || status === 413 || status === 422) return { type: 'refused', why };
  if (status === 429 || (status >= 502 && status <= 504)) {
    const afterMs = retryAfterMs(answer.retryAfter, now);
    return { type: 'later', why, ...(afterMs === undefined ? {} : { afterMs }) };
  }
  // One crafted argument on which a hop in between fails must not hold back all that comes after it.
  if (status >= 500) return attempts < PATIENCE ? { type: 'later', why } : { type: 'refused', why };
  return { type: 'later', why: `${why}: check the URL and the credentials` };
}

function meaningOfSuccess({ contentType, body }: Answer): Meaning {
  if (body.length === 0) return { type: 'accepted' };
  const partial = readPartialSuccess(contentType, body);
  if (partial === undefined)
    return { type: 'later', why: `the answer (${plain(contentType)}) is not one of an OTLP receiver: check the URL` };
  const message = plain(partial.message);
  if (partial.rejected > 0n) return { type: 'partly', rejected: partial.rejected, why: `the collector rejected spans: ${message}` };
  return message === '' ? { type: 'accepted' } : { type: 'accepted', warning: message };
}

/** Retry-After as RFC 9110 10.2.3 has it, seconds or a date; at most ten minutes are waited. */
function retryAfterMs(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^[0-9]+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS);
}

/** Milliseconds to wait before attempt `attempt` + 1: from half a second doubling to half a minute, half of it at random. */
export function backoffMs(attempt: number, random: number): number {
  return Math.min(30_000, 500 * 2 ** Math.min(attempt, 10)) * (0.5 + random / 2);
}

/** Text from the other side goes into the log on one line and not at any length. */
function plain(text: string): string {
  return text.replaceAll(/\p{C}+/gu, ' ').slice(0, 200);
}

interface PartialSuccess {
  readonly rejected: bigint;
  readonly message: string;
}

const NO_PARTIAL: PartialSuccess = { rejected: 0n, message: '' };

/** The `partial_success` of an ExportTraceServiceResponse, undefined when the body is not one. */
function readPartialSuccess(contentType: string, body: Uint8Array): PartialSuccess | undefined {
  try {
    if (contentType.startsWith('application/json')) return fromJson(JSON.parse(Buffer.from(body).toString('utf8')));
    if (contentType.startsWith('application/x-protobuf')) return fromProtobuf(body);
  } catch {
    // Neither encoding: answered below.
  }
  return undefined;
}

function fromJson(response: unknown): PartialSuccess {
  const partial = (response as { partialSuccess?: { rejectedSpans?: string | number; errorMessage?: string } | null }).partialSuccess;
  return partial ? { rejected: BigInt(partial.rejectedSpans ?? 0), message: String(partial.errorMessage ?? '') } : NO_PARTIAL;
}

function fromProtobuf(body: Uint8Array): PartialSuccess {
  let partial = NO_PARTIAL;
  for (const field of fieldsOf(body)) {
    if (field.number !== 1 || typeof field.value === 'bigint') continue;
    for (const { number, value } of fieldsOf(field.value)) {
      if (number === 1 && typeof value === 'bigint') partial = { ...partial, rejected: BigInt.asIntN(64, value) };
      if (number === 2 && typeof value !== 'bigint') partial = { ...partial, message: Buffer.from(value).toString('utf8') };
    }
  }
  return partial;
}

/** The varint and length-delimited fields of a protobuf message. Throws a RangeError on bytes that are none. */
function* fieldsOf(bytes: Uint8Array): Generator<{ number: number; value: bigint | Uint8Array }> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) break;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw new RangeError('varint');
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const number = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        yield { number, value: varint() };
        break;
      case 1:
        at += 8;
        break;
      case 2: {
        const end = Number(varint()) + at;
        if (end > bytes.length) throw new RangeError('length');
        yield { number, value: bytes.subarray(at, end) };
        at = end;
        break;
      }
      case 5:
        at += 4;
        break;
      default:
        throw new RangeError('wire type');
    }
  }
}
