import { decode } from './scan-decode.js';

/** A span as a store keeps it. */
export interface StoredSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly service: string;
  readonly statusCode: number;
  readonly attributes: Readonly<Record<string, unknown>>;
}

interface Value {
  readonly stringValue?: string;
  readonly intValue?: string | number;
}
interface Attribute {
  readonly key: string;
  readonly value: Value;
}
interface RawSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name?: string;
  readonly status?: { readonly code?: number };
  readonly attributes?: readonly Attribute[];
}
interface RawRequest {
  readonly resourceSpans?: readonly {
    readonly resource?: { readonly attributes?: readonly Attribute[] };
    readonly scopeSpans?: readonly { readonly spans?: readonly RawSpan[] }[];
  }[];
}

/** The spans of an OTLP protobuf request, by a decoder that shares nothing with the collector. @throws on bytes that are none */
export function spansIn(request: Uint8Array): StoredSpan[] {
  const { resourceSpans = [] } = decode('request', request) as RawRequest;
  return resourceSpans.flatMap(({ resource, scopeSpans = [] }) => {
    const service = String(attributesOf(resource?.attributes)['service.name'] ?? '');
    return scopeSpans.flatMap(({ spans = [] }) =>
      spans.map((span) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId ?? '',
        name: span.name ?? '',
        service,
        statusCode: Number(span.status?.code ?? 0),
        attributes: attributesOf(span.attributes),
      })),
    );
  });
}

function attributesOf(attributes: readonly Attribute[] = []): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.intValue === undefined ? value.stringValue : Number(value.intValue)]),
  );
}
