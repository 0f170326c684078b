import { isRelevantKey, type SpanView, type WireValue } from '@agent-custody/chain';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';

/** A span of the SDK as the verifier sees it: every attribute as the OTLP exporter would put it on the wire. */
export function viewOfSpan(span: ReadableSpan): SpanView {
  const { traceId, spanId } = span.spanContext();
  const attributes = Object.entries(span.attributes)
    .filter(([key]) => isRelevantKey(key))
    .map(([key, value]) => [key, wireValue(value)] as const);
  return { traceId, spanId, attributes };
}

function wireValue(value: unknown): WireValue {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
      // The exporters send whole numbers as int64 and all others as doubles.
      if (!Number.isInteger(value)) return { other: 'double' };
      return Number.isSafeInteger(value) ? value + 0 : BigInt(value);
    case 'boolean':
      return { other: 'bool' };
    default:
      if (Array.isArray(value)) return value.every((item) => typeof item === 'string') ? value : { other: 'array' };
      return { other: value === undefined || value === null ? 'none' : 'kvlist' };
  }
}
