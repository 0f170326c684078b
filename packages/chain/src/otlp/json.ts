import { z } from 'zod';
import { ChainError } from '../errors.js';
import type { OtherValue, SpanView, WireValue } from '../span.js';

// Loose, as OTLP asks for: unknown fields are ignored, and null is a field left out, as in all JSON of protobuf. Attribute values stay raw here; their reading is wireValue's.
const jsonSpan = z.looseObject({
  traceId: z.string().nullish(),
  spanId: z.string().nullish(),
  attributes: z.array(z.looseObject({ key: z.string().nullish(), value: z.unknown() })).nullish(),
});
const jsonRequest = z.looseObject({
  resourceSpans: z.array(z.looseObject({ scopeSpans: z.array(z.looseObject({ spans: z.array(jsonSpan).nullish() })).nullish() })).nullish(),
});

const INTEGER = /^-?(0|[1-9][0-9]*)$/;
const HEX = /^[0-9a-fA-F]*$/;

/**
 * The spans of a parsed OTLP/JSON ExportTraceServiceRequest, in order.
 *
 * @throws ChainError `invalid_otlp`, naming the path
 * @example for (const span of spansOfJson(JSON.parse(line))) readSpan(span, hashing);
 */
export function spansOfJson(request: unknown): SpanView[] {
  const parsed = jsonRequest.safeParse(request);
  if (!parsed.success) throw new ChainError('invalid_otlp', `not an OTLP/JSON trace request: ${z.prettifyError(parsed.error)}`);
  const out: SpanView[] = [];
  for (const resourceSpans of parsed.data.resourceSpans ?? []) {
    for (const scopeSpans of resourceSpans.scopeSpans ?? []) {
      for (const span of scopeSpans.spans ?? []) {
        out.push({
          traceId: id(span.traceId),
          spanId: id(span.spanId),
          attributes: (span.attributes ?? []).map((attribute) => [attribute.key ?? '', wireValue(attribute.value)] as const),
        });
      }
    }
  }
  return out;
}

function id(text: string | null | undefined): string {
  return typeof text === 'string' && HEX.test(text) ? text.toLowerCase() : '';
}

const MEMBERS = ['stringValue', 'intValue', 'boolValue', 'doubleValue', 'bytesValue', 'kvlistValue', 'arrayValue'];

const other = (what: OtherValue['other']): OtherValue => ({ other: what });

/** Reads one OTLP/JSON AnyValue. */
export function wireValue(value: unknown): WireValue {
  if (typeof value !== 'object' || value === null) return other('none');
  const any = value as Record<string, unknown>;
  // Readers would differ about which of several values counts.
  if (MEMBERS.filter((member) => any[member] !== undefined).length > 1) return other('several');
  if (typeof any['stringValue'] === 'string') return any['stringValue'];
  if (any['intValue'] !== undefined) return integer(any['intValue']);
  if (any['boolValue'] !== undefined) return other('bool');
  if (any['doubleValue'] !== undefined) return other('double');
  if (any['bytesValue'] !== undefined) return other('bytes');
  if (any['kvlistValue'] !== undefined) return other('kvlist');
  if (any['arrayValue'] !== undefined) return strings(any['arrayValue']);
  return other('none');
}

function integer(value: unknown): WireValue {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value + 0 : other('invalid_int');
  if (typeof value !== 'string' || !INTEGER.test(value)) return other('invalid_int');
  const number = Number(value);
  return Number.isSafeInteger(number) ? number + 0 : value.length > 20 ? other('invalid_int') : BigInt(value);
}

function strings(value: unknown): WireValue {
  const values = (value as { values?: unknown } | null)?.values ?? [];
  if (!Array.isArray(values)) return other('array');
  const out: string[] = [];
  for (const item of values) {
    const text = wireValue(item);
    if (typeof text !== 'string') return other('array');
    out.push(text);
  }
  return out;
}
