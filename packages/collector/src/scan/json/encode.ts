import { IntakeError } from '../error.js';
import { FIXED32, FIXED64, LENGTH, VARINT } from '../wire.js';
import { WireWriter } from '../writer.js';
import { type Field, type Message, REQUEST, type Scalar } from './schema.js';
import { int64, isObject, writeKeyValue } from './values.js';

/** Longer than any id, and short enough for a regular expression. */
const MAX_ID_DIGITS = 1024;
const HEX = /^[0-9a-fA-F]*$/;

const WIRE_TYPE: Readonly<Record<Scalar, number>> = {
  string: LENGTH,
  id: LENGTH,
  ownId: LENGTH,
  keyValue: LENGTH,
  enum: VARINT,
  uint32: VARINT,
  fixed32: FIXED32,
  fixed64: FIXED64,
};

/**
 * Encodes a parsed OTLP/JSON request as protobuf, with every field that OTLP names.
 *
 * @throws IntakeError `bad_data`, naming the path of a field that is not of its type
 */
export function encodeJson(request: unknown): Uint8Array {
  const encoder = new JsonEncoder();
  encoder.message(REQUEST, request);
  return encoder.out.finish();
}

class JsonEncoder {
  readonly out = new WireWriter(64 * 1024);
  /** Where in the request the encoder is, for messages. */
  private readonly path: (string | number)[] = [];

  message(schema: Message, value: unknown): void {
    if (!isObject(value)) throw this.mismatch('an object', value);
    for (const name in schema) {
      const item = value[name];
      if (item === undefined || item === null) continue;
      this.path.push(name);
      const field = schema[name] as Field;
      if (field.repeated) this.repeated(field, item);
      else this.field(field, item);
      this.path.pop();
    }
  }

  private repeated(field: Field, items: unknown): void {
    if (!Array.isArray(items)) throw this.mismatch('an array', items);
    for (const [index, item] of items.entries()) {
      this.path.push(index);
      this.field(field, item);
      this.path.pop();
    }
  }

  private field({ number, type }: Field, value: unknown): void {
    const { out } = this;
    if (typeof type !== 'string') {
      out.varint(number * 8 + LENGTH);
      const start = out.open();
      this.message(type, value);
      out.close(start);
      return;
    }
    out.varint(number * 8 + WIRE_TYPE[type]);
    switch (type) {
      case 'string':
        if (typeof value !== 'string') throw this.mismatch('a string', value);
        out.text(value);
        break;
      case 'id':
        if (typeof value !== 'string' || !isHex(value)) throw this.mismatch('an id in hex (OTLP/JSON has no base64 ids)', value);
        out.raw(Buffer.from(value, 'hex'));
        break;
      case 'ownId':
        if (typeof value !== 'string') throw this.mismatch('an id in hex', value);
        out.raw(isHex(value) ? Buffer.from(value, 'hex') : Buffer.alloc(0));
        break;
      case 'keyValue':
        this.keyValue(value);
        break;
      case 'enum':
        out.varint(Number(this.integer(value, 2n ** 31n, 'an enum as an integer (OTLP/JSON has no enum names)')));
        break;
      case 'uint32':
        out.varint(Number(this.integer(value, 2n ** 32n, 'an integer from 0 to 4294967295')));
        break;
      case 'fixed32': {
        const bytes = Buffer.alloc(4);
        bytes.writeUInt32LE(Number(this.integer(value, 2n ** 32n, 'an integer from 0 to 4294967295')));
        out.fixed(bytes);
        break;
      }
      case 'fixed64': {
        const bytes = Buffer.alloc(8);
        bytes.writeBigUInt64LE(this.integer(value, 2n ** 63n, 'Unix nanoseconds as a string or number'));
        out.fixed(bytes);
        break;
      }
    }
  }

  private keyValue(attribute: unknown): void {
    if (!isObject(attribute)) throw this.mismatch('an attribute {key, value}', attribute);
    const key = attribute['key'] ?? '';
    if (typeof key !== 'string') throw this.mismatch('an attribute whose key is a string', attribute);
    const start = this.out.open();
    writeKeyValue(this.out, key, attribute['value']);
    this.out.close(start);
  }

  private integer(value: unknown, below: bigint, expected: string): bigint {
    const integer = int64(value);
    if (integer === undefined || integer < 0n || integer >= below) throw this.mismatch(expected, value);
    return integer;
  }

  /** Says what kind of value was there, never the value: it may be anybody's secret. */
  private mismatch(expected: string, value: unknown): IntakeError {
    const found = value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`;
    const where = this.path.length === 0 ? 'the request' : this.path.join('.');
    return new IntakeError('bad_data', `not an OTLP/JSON ExportTraceServiceRequest: ${where} must be ${expected}, not ${found} as sent`);
  }
}

function isHex(text: string): boolean {
  return text.length % 2 === 0 && text.length <= MAX_ID_DIGITS && HEX.test(text);
}
