import type { AttributeValue } from '../attributes.js';

/** A span to be encoded: what a link, a finding or a verdict needs of OTLP's Span. */
export interface SpanRecord {
  /** 32 hex. */
  readonly traceId: string;
  /** 16 hex. */
  readonly spanId: string;
  /** 16 hex, '' for a root. */
  readonly parentSpanId: string;
  readonly name: string;
  /** Unix nanoseconds. */
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  /** OTLP status: 0 unset, 1 ok, 2 error. */
  readonly statusCode?: 0 | 1 | 2;
  readonly statusMessage?: string;
}

// In every runtime that this package is for, but in no ECMAScript library.
declare const TextEncoder: new () => { encodeInto(source: string, destination: Uint8Array): { readonly written: number } };
const textEncoder = new TextEncoder();

/** A growing buffer that is written front to back; lengths are patched in afterwards, so one pass does. */
class ByteWriter {
  private bytes: Uint8Array;
  private view: DataView;
  position = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
  }

  private reserve(count: number): void {
    if (this.position + count <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.position + count));
    // All of it: while a length is patched in, content lies behind the position.
    grown.set(this.bytes);
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  varint(value: number): void {
    this.reserve(10);
    let rest = value;
    while (rest > 127) {
      this.bytes[this.position++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.bytes[this.position++] = rest;
  }

  /** An int64 as protobuf has it: two's complement for negative values. */
  int64(value: number): void {
    if (value >= 0) {
      this.varint(value);
      return;
    }
    let rest = BigInt.asUintN(64, BigInt(value));
    this.reserve(10);
    while (rest > 127n) {
      this.bytes[this.position++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    this.bytes[this.position++] = Number(rest);
  }

  fixed64(value: bigint): void {
    this.reserve(8);
    this.view.setBigUint64(this.position, value, true);
    this.position += 8;
  }

  hex(tag: number, hex: string): void {
    this.varint(tag);
    this.varint(hex.length / 2);
    this.reserve(hex.length / 2);
    for (let i = 0; i < hex.length; i += 2) this.bytes[this.position++] = Number.parseInt(hex.slice(i, i + 2), 16);
  }

  text(tag: number, text: string): void {
    this.varint(tag);
    // At most three bytes a code unit: encode straight into place, behind room for the length.
    this.reserve(text.length * 3 + 5);
    const room = varintSize(text.length * 3);
    const { written } = textEncoder.encodeInto(text, this.bytes.subarray(this.position + room));
    this.closeLength(this.position, room, written);
    this.position += varintSize(written) + written;
  }

  /** Starts a length-delimited field whose length is not known yet; hand the answer to {@link close}. */
  open(tag: number): number {
    this.varint(tag);
    this.reserve(4);
    this.position += 4;
    return this.position;
  }

  close(start: number): void {
    const length = this.position - start;
    this.closeLength(start - 4, 4, length);
    this.position = start - 4 + varintSize(length) + length;
  }

  /** Writes `length` at `at`, where `room` bytes were kept for it, and moves the content that follows up against it. */
  private closeLength(at: number, room: number, length: number): void {
    const size = varintSize(length);
    if (size !== room) this.bytes.copyWithin(at + size, at + room, at + room + length);
    const end = this.position;
    this.position = at;
    this.varint(length);
    this.position = end;
  }

  finish(): Uint8Array {
    return this.bytes.slice(0, this.position);
  }
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) size++;
  return size;
}

function attribute(out: ByteWriter, tag: number, key: string, value: AttributeValue): void {
  const keyValue = out.open(tag);
  out.text(0x0a, key);
  const anyValue = out.open(0x12);
  if (typeof value === 'string') out.text(0x0a, value);
  else if (typeof value === 'number') {
    out.varint(0x18);
    out.int64(value);
  } else {
    const array = out.open(0x2a);
    for (const item of value) {
      const element = out.open(0x0a);
      out.text(0x0a, item);
      out.close(element);
    }
    out.close(array);
  }
  out.close(anyValue);
  out.close(keyValue);
}

function span(out: ByteWriter, record: SpanRecord): void {
  const start = out.open(0x12); // ScopeSpans.spans
  out.hex(0x0a, record.traceId);
  out.hex(0x12, record.spanId);
  if (record.parentSpanId !== '') out.hex(0x22, record.parentSpanId);
  out.text(0x2a, record.name);
  out.varint(0x30); // kind
  out.varint(1); // SPAN_KIND_INTERNAL
  out.varint(0x39);
  out.fixed64(record.startNs);
  out.varint(0x41);
  out.fixed64(record.endNs);
  for (const key in record.attributes) attribute(out, 0x4a, key, record.attributes[key] as AttributeValue);
  if (record.statusCode) {
    const status = out.open(0x7a);
    if (record.statusMessage) out.text(0x12, record.statusMessage);
    out.varint(0x18);
    out.varint(record.statusCode);
    out.close(status);
  }
  out.close(start);
}

/**
 * Encodes spans as one OTLP ExportTraceServiceRequest (protobuf) in one pass. The requests of several calls laid end to end are
 * again one valid request.
 *
 * @param resource resource attributes, such as `service.name`
 * @param scope the instrumentation scope's name
 * @example encodeRequest([record], { 'service.name': 'billing' }, '@agent-custody/instrumentation')
 */
export function encodeRequest(
  records: readonly SpanRecord[],
  resource: Readonly<Record<string, AttributeValue>>,
  scope: { readonly name: string; readonly version?: string },
): Uint8Array {
  const out = new ByteWriter(1024 * Math.max(2, records.length * 2));
  const resourceSpans = out.open(0x0a);
  const resourceField = out.open(0x0a);
  for (const key in resource) attribute(out, 0x0a, key, resource[key] as AttributeValue);
  out.close(resourceField);
  const scopeSpans = out.open(0x12);
  const scopeField = out.open(0x0a);
  out.text(0x0a, scope.name);
  if (scope.version) out.text(0x12, scope.version);
  out.close(scopeField);
  for (const record of records) span(out, record);
  out.close(scopeSpans);
  out.close(resourceSpans);
  return out.finish();
}
