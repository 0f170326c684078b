import { CONTENT_KEYS, COVERED_FOREIGN_KEYS } from './attributes.js';

/** An attribute value that no link may carry in a covered place; `other` says what the wire held. */
export interface OtherValue {
  readonly other: 'double' | 'bool' | 'bytes' | 'kvlist' | 'array' | 'none' | 'several' | 'invalid_int' | 'invalid_utf8';
}

/** A value as the wire held it: an OTLP string, an int (bigint beyond 2^53-1), an array of nothing but strings, or something else. */
export type WireValue = string | number | bigint | readonly string[] | OtherValue;

/**
 * What the verifier needs of a span. Readers of OTLP (JSON, protobuf) make it; repeated keys stay repeated, in wire order, because
 * two values under one key are themselves a finding.
 */
export interface SpanView {
  /** Lower-case hex of the trace id's bytes, however many there were. */
  readonly traceId: string;
  /** Lower-case hex of the span id's bytes, however many there were. */
  readonly spanId: string;
  /** At least every attribute for which {@link isRelevantKey} holds. */
  readonly attributes: readonly (readonly [key: string, value: WireValue])[];
}

/** Whether a verifier looks at the attribute `key` at all; readers may leave every other one out. */
export function isRelevantKey(key: string): boolean {
  return key.startsWith('custody.') || COVERED_FOREIGN_KEYS.has(key) || CONTENT_KEYS.has(key);
}
