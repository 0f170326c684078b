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
declare const TextEncoder: new () => {
  encodeInto(source: string, destination: Uint8Array): { readonly read: number; readonly written: number };
};
const textEncoder = new TextEncoder();

/** Texts up to this many characters are written here, longer ones by the runtime's encoder: the call into it costs more than they do. */
const SHORT = 127;
/** A buffer that one large request made is not kept. */
const KEPT_BYTES = 1 << 20;

/** A growing buffer that is written front to back. A length that is not known yet gets room for its likely size; one pass does. */
class ByteWriter {
  private bytes = new Uint8Array(1 << 14);
  private view = new DataView(this.bytes.buffer);
  position = 0;

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
    const { bytes } = this;
    let at = this.position;
    for (let i = 0; i < hex.length; i += 2) {
      bytes[at++] = ((NIBBLES[hex.charCodeAt(i)] as number) << 4) | (NIBBLES[hex.charCodeAt(i + 1)] as number);
    }
    this.position = at;
  }

  text(tag: number, text: string): void {
    if (text.length <= SHORT && this.shortText(tag, text)) return;
    const start = this.open(tag, varintSize(text.length * 3));
    // At most three bytes a code unit.
    this.reserve(text.length * 3);
    this.position += textEncoder.encodeInto(text, this.bytes.subarray(this.position)).written;
    this.close(start);
  }

  /** ASCII, as nearly all of a link is; false when it is not, and then nothing is written. */
  private shortText(tag: number, text: string): boolean {
    const { length } = text;
    this.reserve(length + 2);
    const { bytes, position } = this;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) return false;
      bytes[position + 2 + i] = code;
    }
    bytes[position] = tag;
    bytes[position + 1] = length;
    this.position = position + 2 + length;
    return true;
  }

  /** Bytes that a text has one of for each character: false when it is not all ASCII, and then nothing is written. */
  ascii(text: string): boolean {
    this.reserve(text.length);
    const { read, written } = textEncoder.encodeInto(text, this.bytes.subarray(this.position));
    if (read !== text.length || written !== text.length) return false;
    this.position += written;
    return true;
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.position);
    this.position += bytes.length;
  }

  /** Starts a length-delimited field whose length will likely take `room` bytes; hand the answer to {@link close}. */
  open(tag: number, room = 1): Opened {
    this.varint(tag);
    this.reserve(room);
    this.position += room;
    return { start: this.position, room };
  }

  /** Writes the length of a field in front of it, and moves its content where that takes more or less than was kept. */
  close({ start, room }: Opened): void {
    const length = this.position - start;
    const size = varintSize(length);
    const at = start - room;
    if (size !== room) {
      this.reserve(size);
      this.bytes.copyWithin(at + size, start, start + length);
    }
    this.position = at;
    this.varint(length);
    this.position += length;
  }

  /** A copy of what was written from `start` on, which is then taken back. */
  take(start: number): Uint8Array {
    const taken = this.bytes.slice(start, this.position);
    this.position = start;
    if (start === 0 && this.bytes.length > KEPT_BYTES) {
      this.bytes = new Uint8Array(1 << 14);
      this.view = new DataView(this.bytes.buffer);
    }
    return taken;
  }
}

interface Opened {
  readonly start: number;
  readonly room: number;
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** What a hex digit stands for, by its character code. */
const NIBBLES = new Uint8Array(128);
for (let digit = 0; digit < 16; digit++) {
  NIBBLES[digit.toString(16).charCodeAt(0)] = digit;
  NIBBLES[digit.toString(16).toUpperCase().charCodeAt(0)] = digit;
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

/** A key and a text of together so many characters make a field whose lengths all take a byte below 128. */
const SHORT_PAIR = 121;
/** Span.attributes and the length of the pair; what stands before the value: Any, its length, string and its length. */
const PAIR_HEADS = Array.from({ length: 128 }, (_, length) => String.fromCharCode(0x4a, length));
const TEXT_HEADS = Array.from({ length: SHORT_PAIR + 1 }, (_, length) => String.fromCharCode(0x12, length + 2, 0x0a, length));

/** Keys come again and again: their fields are kept, up to a bound that hostile input cannot exceed. */
const KEY_FIELDS = new Map<string, string>();
const MAX_KEY_FIELDS = 1024;

function keyField(key: string): string {
  const known = KEY_FIELDS.get(key);
  if (known !== undefined) return known;
  const field = String.fromCharCode(0x0a, key.length) + key;
  if (KEY_FIELDS.size < MAX_KEY_FIELDS) KEY_FIELDS.set(key, field);
  return field;
}

/**
 * Attributes of a span. Short ones are ASCII as a whole, lengths and tags included: they are put together as texts, which the runtime
 * encodes in one go. False when one of them is not ASCII after all.
 */
function shortAttributes(out: ByteWriter, attributes: Attributes): boolean {
  let texts = '';
  for (const key in attributes) {
    const value = attributes[key] as AttributeValue;
    if (typeof value === 'string' && key.length + value.length <= SHORT_PAIR) {
      texts += (PAIR_HEADS[key.length + value.length + 6] as string) + keyField(key) + (TEXT_HEADS[value.length] as string) + value;
    } else if (typeof value === 'number' && value >= 0 && value <= 127 && key.length <= SHORT_PAIR) {
      texts += (PAIR_HEADS[key.length + 6] as string) + keyField(key) + String.fromCharCode(0x12, 2, 0x18, value);
    } else {
      if (!out.ascii(texts)) return false;
      texts = '';
      attribute(out, 0x4a, key, value);
    }
  }
  return out.ascii(texts);
}

function spanAttributes(out: ByteWriter, attributes: Attributes): void {
  const start = out.position;
  if (shortAttributes(out, attributes)) return;
  out.position = start;
  for (const key in attributes) attribute(out, 0x4a, key, attributes[key] as AttributeValue);
}

function span(out: ByteWriter, record: SpanRecord): void {
  const start = out.open(0x12, 2); // ScopeSpans.spans
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
  spanAttributes(out, record.attributes);
  if (record.statusCode) {
    const status = out.open(0x7a);
    if (record.statusMessage) out.text(0x12, record.statusMessage);
    out.varint(0x18);
    out.varint(record.statusCode);
    out.close(status);
  }
  out.close(start);
}

type Attributes = Readonly<Record<string, AttributeValue>>;
interface Scope {
  readonly name: string;
  readonly version?: string;
}

/** The fields that every request of one sender begins with, encoded once for each object. */
const heads = new WeakMap<Attributes | Scope, Uint8Array>();

function appendOnce<T extends Attributes | Scope>(out: ByteWriter, source: T, encode: (source: T) => void): void {
  const known = heads.get(source);
  if (known !== undefined) {
    out.append(known);
    return;
  }
  const start = out.position;
  encode(source);
  const head = out.take(start);
  heads.set(source, head);
  out.append(head);
}

function resourceField(out: ByteWriter, resource: Attributes): void {
  const field = out.open(0x0a);
  for (const key in resource) attribute(out, 0x0a, key, resource[key] as AttributeValue);
  out.close(field);
}

function scopeField(out: ByteWriter, scope: Scope): void {
  const field = out.open(0x0a);
  out.text(0x0a, scope.name);
  if (scope.version) out.text(0x12, scope.version);
  out.close(field);
}

/** One for all requests: a request is encoded in one go, and copied out. */
const writer = new ByteWriter();

/**
 * Encodes spans as one OTLP ExportTraceServiceRequest (protobuf) in one pass. The requests of several calls laid end to end are
 * again one valid request.
 *
 * @param resource resource attributes, such as `service.name`; not to be changed afterwards, its encoded form is kept
 * @param scope the instrumentation scope; likewise
 * @example encodeRequest([record], { 'service.name': 'billing' }, { name: '@agent-custody/instrumentation' })
 */
export function encodeRequest(records: readonly SpanRecord[], resource: Attributes, scope: Scope): Uint8Array {
  // Also after an error in the middle of a request, such as an attribute that is no string.
  writer.position = 0;
  const resourceSpans = writer.open(0x0a, 2);
  appendOnce(writer, resource, (attributes) => resourceField(writer, attributes));
  const scopeSpans = writer.open(0x12, 2);
  appendOnce(writer, scope, (own) => scopeField(writer, own));
  for (const record of records) span(writer, record);
  writer.close(scopeSpans);
  writer.close(resourceSpans);
  return writer.take(0);
}
