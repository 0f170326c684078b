import { putVarint, varintSize, WireReader } from '../scan/wire.js';

// Field numbers of opentelemetry/proto/collector/trace/v1/trace_service.proto and trace/v1/trace.proto.
const RESOURCE_SPANS = 0x0a;
const SCOPE_SPANS = 0x12;
const SPANS = 0x12;

/** Where a span lies in its request: its own field, and the fields around it that are no spans. */
interface PlacedSpan {
  readonly resource: readonly Buffer[];
  readonly scope: readonly Buffer[];
  readonly span: Buffer;
}

/**
 * Cuts an OTLP request of the outbox in two halves by number of spans, byte for byte: unlike the receiver's scan this leaves the
 * collector's own attributes where they are. A request of one span comes back alone.
 */
export function halve(request: Uint8Array): readonly { readonly request: Uint8Array; readonly spans: number }[] {
  const placed = placedSpans(Buffer.from(request.buffer, request.byteOffset, request.byteLength));
  if (placed.length < 2) return [{ request, spans: placed.length }];
  const middle = Math.ceil(placed.length / 2);
  return [placed.slice(0, middle), placed.slice(middle)].map((half) => ({ request: joined(half), spans: half.length }));
}

function placedSpans(request: Buffer): PlacedSpan[] {
  const out: PlacedSpan[] = [];
  for (const resourceSpans of fields(request)) {
    if (resourceSpans.tag !== RESOURCE_SPANS) continue;
    const parts = [...fields(resourceSpans.content)];
    const resource = parts.filter(({ tag }) => tag !== SCOPE_SPANS).map(({ whole }) => whole);
    for (const scopeSpans of parts) {
      if (scopeSpans.tag !== SCOPE_SPANS) continue;
      const inner = [...fields(scopeSpans.content)];
      const scope = inner.filter(({ tag }) => tag !== SPANS).map(({ whole }) => whole);
      for (const { tag, whole } of inner) if (tag === SPANS) out.push({ resource, scope, span: whole });
    }
  }
  return out;
}

interface Field {
  readonly tag: number;
  /** Tag and length included. */
  readonly whole: Buffer;
  readonly content: Buffer;
}

function* fields(message: Buffer): Iterable<Field> {
  const reader = new WireReader(message);
  while (reader.position < message.length) {
    const start = reader.position;
    const tag = reader.tag(message.length);
    reader.skip(tag, message.length, []);
    const whole = message.subarray(start, reader.position);
    yield { tag, whole, content: (tag & 7) === 2 ? contentOf(whole) : whole };
  }
}

function contentOf(field: Buffer): Buffer {
  const reader = new WireReader(field);
  reader.tag(field.length);
  const end = reader.lengthEnd(field.length);
  return field.subarray(reader.position, end);
}

/** One ResourceSpans a span: what is refused for its content need not be compact. */
function joined(spans: readonly PlacedSpan[]): Buffer {
  return Buffer.concat(
    spans.map(({ resource, scope, span }) => {
      const scopeSpans = message(SCOPE_SPANS, [...scope, span]);
      return message(RESOURCE_SPANS, [...resource, scopeSpans]);
    }),
  );
}

function message(tag: number, parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = Buffer.alloc(1 + varintSize(length));
  head[0] = tag;
  putVarint(head, 1, length);
  return Buffer.concat([head, ...parts]);
}
