/** Why Tempo's query API gave no answer that can be used. A closed set: metrics count by it. */
export const TEMPO_ERROR_CODES = [
  'unauthorised', // 401, 403: credentials or tenant are missing or wrong
  'not_tempo', // nothing there answers as Tempo's query API does
  'refused', // 400: Tempo will not have this query
  'busy', // 429, after it was given time
  'timeout', // no answer in time
  'unreachable', // no connection
  'failed', // 5xx
  'too_large', // a trace that Tempo, or this reader, will not handle in one piece
  'unreadable', // an answer that is cut off or in another encoding
] as const;
export type TempoErrorCode = (typeof TEMPO_ERROR_CODES)[number];

/** Tempo was asked and did not give what was asked for. The message names the server and what to do, never a header's value. */
export class TempoError extends Error {
  override readonly name = 'TempoError';
  readonly code: TempoErrorCode;
  /** What the server asked to be waited, ms; undefined when it did not. */
  readonly retryAfterMs: number | undefined;

  constructor(code: TempoErrorCode, message: string, options: ErrorOptions & { readonly retryAfterMs?: number | undefined } = {}) {
    super(message, options);
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }
}
