import { IntakeError } from './error.js';

// Protobuf's wire format (https://protobuf.dev/programming-guides/encoding/), as strict as the strictest decoder of OTLP. Where
// decoders differ (tags beyond 32 bits, over-long tenth bytes, groups, a known field with another wire type) the bytes are
// refused: one of them downstream would read another span than the one that was verified, or refuse the whole batch.

export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH = 2;
export const FIXED32 = 5;

/** The wire type of each known field of a message, by field number; a gap is a field that OTLP does not name. */
export type MessageFields = readonly (number | undefined)[];

/** Reads one buffer front to back. Every method is told where the message that it reads ends, and never reads past that. */
export class WireReader {
  position = 0;

  constructor(readonly bytes: Buffer) {}

  /** A tag or a length: at most 32 bits in at most five bytes. */
  uint32(end: number): number {
    const first = this.position < end ? (this.bytes[this.position] as number) : 0x80;
    if (first >= 0x80) return this.longUint32(end);
    this.position++;
    return first;
  }

  private longUint32(end: number): number {
    const start = this.position;
    let value = 0;
    for (let scale = 1; scale <= 2 ** 28; scale *= 128) {
      if (this.position >= end) throw badData('a number is cut off', start);
      const byte = this.bytes[this.position++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > 0xffffffff) break;
        return value;
      }
    }
    throw badData('a tag or length is beyond 32 bits', start);
  }

  tag(end: number): number {
    const start = this.position;
    const tag = this.uint32(end);
    if (tag < 8) throw badData('a field has the number 0', start);
    return tag;
  }

  /** Reads a length and answers where what it measures ends. */
  lengthEnd(end: number): number {
    const start = this.position;
    const length = this.uint32(end);
    const stop = this.position + length;
    if (stop > end) throw badData(`a length of ${length} goes past the end of its message`, start);
    return stop;
  }

  /** An int64: a number where that is exact, else a bigint. */
  int64(end: number): number | bigint {
    const start = this.position;
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      if (this.position >= end) throw badData('a number is cut off', start);
      const byte = this.bytes[this.position++] as number;
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return low;
    }
    let value = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      if (this.position >= end) throw badData('a number is cut off', start);
      const byte = this.bytes[this.position++] as number;
      if (shift === 63n && byte > 1) break;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) {
        const signed = BigInt.asIntN(64, value);
        const number = Number(signed);
        return Number.isSafeInteger(number) ? number : signed;
      }
    }
    throw badData('a number is beyond 64 bits', start);
  }

  /** Passes over the field whose tag was just read; `fields` says which wire type a known one must have. */
  skip(tag: number, end: number, fields: MessageFields): void {
    const start = this.position;
    const type = tag & 7;
    const known = fields[tag >>> 3];
    if (known !== undefined && known !== type) throw badData(`field ${tag >>> 3} has wire type ${type}, not ${known}`, start);
    if (type === LENGTH) this.position = this.lengthEnd(end);
    else if (type === VARINT) this.int64(end);
    else if (type === FIXED64) this.position += 8;
    else if (type === FIXED32) this.position += 4;
    else throw badData(`wire type ${type} (a group, or none at all) has no place in OTLP`, start);
    if (this.position > end) throw badData('a field is cut off', start);
  }
}

/** How many bytes `value` takes as a varint. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** Writes `value` as a varint at `at` and answers where it ends. */
export function putVarint(out: Uint8Array, at: number, value: number): number {
  let position = at;
  let rest = value;
  while (rest > 127) {
    out[position++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  out[position++] = rest;
  return position;
}

export function badData(what: string, at: number): IntakeError {
  return new IntakeError(
    'bad_data',
    `not an OTLP ExportTraceServiceRequest in protobuf: at byte ${at} ${what}; check that the exporter's encoding is the Content-Type's`,
  );
}
