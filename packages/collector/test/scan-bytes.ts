// Protobuf by hand, field by field, for bodies that no well-behaved encoder would write.

export type Bytes = Uint8Array;

export function concat(...parts: readonly Bytes[]): Buffer {
  return Buffer.concat(parts);
}

export function varintBytes(value: number | bigint): Buffer {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 127n) {
    out.push(Number(rest & 127n) | 0x80);
    rest >>= 7n;
  }
  return Buffer.from([...out, Number(rest)]);
}

/** The same number in `size` bytes: more than it needs. */
export function overlong(value: number, size: number): Buffer {
  const out = Buffer.alloc(size, 0x80);
  let rest = value;
  for (let i = 0; i < size; i++) {
    out[i] = (rest % 128) | (i < size - 1 ? 0x80 : 0);
    rest = Math.floor(rest / 128);
  }
  return out;
}

export const tag = (number: number, wireType: number): Buffer => varintBytes(number * 8 + wireType);
export const varint = (number: number, value: number | bigint): Buffer => concat(tag(number, 0), varintBytes(value));
export const fixed64 = (number: number, value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return concat(tag(number, 1), bytes);
};
export const fixed32 = (number: number, value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return concat(tag(number, 5), bytes);
};
/** A length-delimited field: a message, bytes, or text. */
export const field = (number: number, ...content: readonly (Bytes | string)[]): Buffer => {
  const bytes = concat(...content.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
  return concat(tag(number, 2), varintBytes(bytes.length), bytes);
};

/** AnyValue's members, without tag and length around them. */
export const any = {
  string: (text: string | Bytes): Buffer => field(1, text),
  bool: (value: boolean): Buffer => varint(2, value ? 1 : 0),
  int: (value: number | bigint): Buffer => varint(3, value),
  double: (value: number): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value);
    return concat(tag(4, 1), bytes);
  },
  array: (...items: readonly Bytes[]): Buffer => field(5, ...items.map((item) => field(1, item))),
  kvlist: (...entries: readonly Bytes[]): Buffer => field(6, ...entries.map((entry) => field(1, entry))),
  bytes: (value: Bytes): Buffer => field(7, value),
};

/** A KeyValue, without tag and length around it. */
export const keyValue = (key: string | Bytes, ...values: readonly Bytes[]): Buffer =>
  concat(field(1, key), ...values.map((value) => field(2, value)));

/** Span.attributes */
export const attribute = (key: string | Bytes, value: Bytes): Buffer => field(9, keyValue(key, value));

export const TRACE_ID = Buffer.from('0af7651916cd43dd8448eb211c80319c', 'hex');
export const SPAN_ID = Buffer.from('b7ad6b7169203331', 'hex');
export const IDS = concat(field(1, TRACE_ID), field(2, SPAN_ID));

/** A request of one resource and one scope with these Span messages. */
export const requestOf = (...spans: readonly Bytes[]): Buffer =>
  field(
    1,
    field(1, field(1, keyValue('service.name', any.string('shop')))),
    field(2, field(1, field(1, 'lib')), ...spans.map((span) => field(2, span))),
  );

/** A request of one span with valid ids and these further fields. */
export const requestWith = (...fields: readonly Bytes[]): Buffer => requestOf(concat(IDS, ...fields));
