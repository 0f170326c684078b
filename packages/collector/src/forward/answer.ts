import { z } from 'zod';
import { LENGTH, VARINT, WireReader } from '../scan/wire.js';
import type { Posted } from './post.js';

/** What a store said to one request. */
export type Answer =
  /** Taken, but for `rejected` spans, which it will not have if they are sent again. */
  | { readonly type: 'accepted'; readonly rejected: number; readonly message: string }
  /** To be sent again, not before `retryAfterMs` where it says so. */
  | { readonly type: 'busy'; readonly reason: string; readonly retryAfterMs: number | undefined }
  /** The store failed: because of its own state, or because of something in the request. */
  | { readonly type: 'failed'; readonly reason: string; readonly retryAfterMs: number | undefined }
  /** Something is wrong with the content: to be sent again in parts. */
  | { readonly type: 'refused'; readonly reason: string }
  /** Something is wrong with the address or the credentials: nothing would be taken, whatever it is. */
  | { readonly type: 'misconfigured'; readonly reason: string };

/** OTLP's specification, "Retryable Response Codes", and 408, with which proxies answer a slow upload. */
const RETRYABLE: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);
/** Answers that blame the request's content; every other 4xx blames its address, its sender or its method. */
const CONTENT: ReadonlySet<number> = new Set([400, 413, 422]);
/**
 * Reads an answer. A 200 is no success for the spans that its body says were rejected.
 *
 * @param nowMs Unix ms, for a Retry-After that is a date
 */
export function readAnswer({ status, contentType, retryAfter, body }: Posted, nowMs: number): Answer {
  if (status >= 200 && status < 300) return { type: 'accepted', ...partialSuccess(body, contentType) };
  const reason = `status_${status}`;
  if (RETRYABLE.has(status)) return { type: 'busy', reason, retryAfterMs: waitOf(retryAfter, nowMs) };
  if (CONTENT.has(status)) return { type: 'refused', reason };
  if (status >= 500) return { type: 'failed', reason, retryAfterMs: waitOf(retryAfter, nowMs) };
  return { type: 'misconfigured', reason };
}

/** Seconds, or an HTTP date (RFC 9110, 10.2.3). */
export function waitOf(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,6}$/.test(header)) return Number(header) * 1_000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

interface PartialSuccess {
  readonly rejected: number;
  readonly message: string;
}

const NOTHING_REJECTED: PartialSuccess = { rejected: 0, message: '' };

const jsonAnswer = z.looseObject({
  partialSuccess: z
    .looseObject({ rejectedSpans: z.coerce.number().int().nonnegative().optional(), errorMessage: z.string().optional() })
    .nullish(),
});

/** An unreadable body of a 200 says nothing was rejected: what was taken must not be sent again. */
function partialSuccess(body: Buffer, contentType: string): PartialSuccess {
  try {
    if (!contentType.includes('json')) return protobufPartialSuccess(body);
    const { partialSuccess: partial } = jsonAnswer.parse(JSON.parse(body.toString('utf8')));
    return { rejected: partial?.rejectedSpans ?? 0, message: partial?.errorMessage ?? '' };
  } catch {
    return NOTHING_REJECTED;
  }
}

/** ExportTraceServiceResponse { partial_success = 1 { rejected_spans = 1, error_message = 2 } } */
function protobufPartialSuccess(body: Buffer): PartialSuccess {
  let rejected = 0;
  let message = '';
  const reader = new WireReader(body);
  while (reader.position < body.length) {
    const tag = reader.tag(body.length);
    if (tag !== 0x0a) {
      reader.skip(tag, body.length, [undefined, LENGTH]);
      continue;
    }
    const end = reader.lengthEnd(body.length);
    while (reader.position < end) {
      const field = reader.tag(end);
      if (field === 0x08) rejected = Math.max(0, Number(reader.int64(end)));
      else if (field === 0x12) {
        const stop = reader.lengthEnd(end);
        message = body.toString('utf8', reader.position, stop);
        reader.position = stop;
      } else reader.skip(field, end, [undefined, VARINT, LENGTH]);
    }
  }
  return { rejected, message };
}
