import type { WireWriter } from '../writer.js';

// AnyValue of OTLP/JSON. The protobuf made here is what is verified and forwarded, so nothing odd may come out as something that
// verifies: what is no AnyValue (another type under its name, two members, an integer that is none, a lone surrogate, which UTF-8
// cannot carry) is kept whole, as bytes of its JSON text, a type that no link may have.

const MEMBERS = ['stringValue', 'boolValue', 'intValue', 'doubleValue', 'arrayValue', 'kvlistValue', 'bytesValue'] as const;

const INTEGER = /^-?(0|[1-9][0-9]*)$/;
/** More digits than any double needs, and few enough for a regular expression. */
const MAX_DIGITS = 1100;
const NUMBER = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A KeyValue's two fields, without tag and length around them. */
export function writeKeyValue(out: WireWriter, key: string, value: unknown): void {
  out.varint(0x0a);
  out.text(key);
  if (value === undefined || value === null) return;
  out.varint(0x12);
  writeAnyValue(out, value);
}

function writeAnyValue(out: WireWriter, value: unknown): void {
  const start = out.open();
  if (!isObject(value)) odd(out, value);
  else {
    const members = MEMBERS.filter((name) => value[name] !== undefined && value[name] !== null);
    const [member] = members;
    if (members.length > 1) odd(out, value);
    else if (member !== undefined && !writeMember(out, member, value[member])) odd(out, value);
  }
  out.close(start);
}

/** A value that OTLP does not know, as bytes_value. JSON.stringify escapes what UTF-8 cannot say. */
function odd(out: WireWriter, value: unknown): void {
  out.varint(0x3a);
  out.raw(Buffer.from(JSON.stringify(value)));
}

/** Writes one member of the oneof; false, with nothing written, when it is none of its type. */
function writeMember(out: WireWriter, member: (typeof MEMBERS)[number], value: unknown): boolean {
  switch (member) {
    case 'stringValue':
      if (typeof value !== 'string' || !value.isWellFormed()) return false;
      out.varint(0x0a);
      out.text(value);
      return true;
    case 'boolValue':
      if (typeof value !== 'boolean') return false;
      out.varint(0x10);
      out.varint(value ? 1 : 0);
      return true;
    case 'intValue': {
      const integer = int64(value);
      if (integer === undefined) return false;
      out.varint(0x18);
      out.int64(integer);
      return true;
    }
    case 'doubleValue': {
      const number = double(value);
      if (number === undefined) return false;
      out.varint(0x21);
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleLE(number);
      out.fixed(bytes);
      return true;
    }
    case 'bytesValue':
      if (typeof value !== 'string' || !BASE64.test(value)) return false;
      out.varint(0x3a);
      out.raw(Buffer.from(value, 'base64'));
      return true;
    case 'arrayValue':
      return writeList(out, 0x2a, value, writeAnyValue);
    case 'kvlistValue':
      return writeList(out, 0x32, value, writeEntry);
  }
}

/** ArrayValue or KeyValueList: `{values: [...]}`. */
function writeList(out: WireWriter, tag: number, value: unknown, write: (out: WireWriter, item: unknown) => void): boolean {
  if (!isObject(value)) return false;
  const values = value['values'] ?? [];
  if (!Array.isArray(values)) return false;
  if (write === writeEntry && !values.every(isEntry)) return false;
  out.varint(tag);
  const start = out.open();
  for (const item of values) {
    out.varint(0x0a);
    write(out, item);
  }
  out.close(start);
  return true;
}

function isEntry(item: unknown): boolean {
  return isObject(item) && (item['key'] === undefined || item['key'] === null || typeof item['key'] === 'string');
}

function writeEntry(out: WireWriter, item: unknown): void {
  const { key, value } = item as JsonObject;
  const start = out.open();
  writeKeyValue(out, (key as string | null | undefined) ?? '', value);
  out.close(start);
}

/** An integer of at most 64 bits, from a JSON number or a decimal string. */
export function int64(value: unknown): bigint | undefined {
  if (typeof value === 'number' ? !Number.isInteger(value) : typeof value !== 'string' || value.length > 20 || !INTEGER.test(value)) {
    return undefined;
  }
  const integer = BigInt(value as number | string);
  return integer >= INT64_MIN && integer <= INT64_MAX ? integer : undefined;
}

function double(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (value === 'NaN') return Number.NaN;
  if (value === 'Infinity' || value === '-Infinity') return Number(value);
  return typeof value === 'string' && value.length <= MAX_DIGITS && NUMBER.test(value) ? Number(value) : undefined;
}
