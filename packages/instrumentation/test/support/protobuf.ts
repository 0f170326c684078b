import type { SpanView, WireValue } from '@agent-custody/chain';

// Just enough of protobuf to read back what the writer encodes, apart from any code that encodes it.

type Field = { readonly number: number; readonly bytes: Uint8Array } | { readonly number: number; readonly varint: bigint };

function* fields(bytes: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error('protobuf: the bytes end in the middle of a number');
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const number = tag >>> 3;
    if ((tag & 7) === 0) {
      yield { number, varint: varint() };
      continue;
    }
    const length = (tag & 7) === 1 ? 8 : (tag & 7) === 5 ? 4 : Number(varint());
    if (at + length > bytes.length) throw new Error('protobuf: the bytes end in the middle of a field');
    yield { number, bytes: bytes.subarray(at, at + length) };
    at += length;
  }
}

const inside = (bytes: Uint8Array, number: number): Uint8Array[] =>
  [...fields(bytes)].flatMap((field) => ('bytes' in field && field.number === number ? [field.bytes] : []));
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function value(bytes: Uint8Array): WireValue {
  for (const field of fields(bytes)) {
    if (field.number === 1 && 'bytes' in field) return text(field.bytes);
    if (field.number === 3 && 'varint' in field) return Number(field.varint);
    if (field.number === 5 && 'bytes' in field) return inside(field.bytes, 1).map((item) => text(inside(item, 1)[0] ?? new Uint8Array()));
  }
  return { other: 'none' };
}

const attributesOf = (bytes: Uint8Array, number: number): (readonly [string, WireValue])[] =>
  inside(bytes, number).map((pair) => [text(inside(pair, 1)[0] ?? NONE), value(inside(pair, 2)[0] ?? NONE)] as const);
const NONE = new Uint8Array();

interface ReadSpan extends SpanView {
  readonly parentSpanId: string;
  readonly name: string;
  /** Attributes of the resource that it came under. */
  readonly resource: readonly (readonly [string, WireValue])[];
}

/** The spans of an ExportTraceServiceRequest, with their attributes, resource, parent and name. */
export function spansOfProtobuf(request: Uint8Array): ReadSpan[] {
  return inside(request, 1).flatMap((perResource) => {
    const resource = attributesOf(inside(perResource, 1)[0] ?? NONE, 1);
    const spans = inside(perResource, 2).flatMap((perScope) => inside(perScope, 2));
    return spans.map((span) => ({
      traceId: hex(inside(span, 1)[0] ?? NONE),
      spanId: hex(inside(span, 2)[0] ?? NONE),
      parentSpanId: hex(inside(span, 4)[0] ?? NONE),
      name: text(inside(span, 5)[0] ?? NONE),
      attributes: attributesOf(span, 9),
      resource,
    }));
  });
}
