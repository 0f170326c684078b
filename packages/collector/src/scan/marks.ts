import type { WireValue } from '@agent-custody/chain';
import { IntakeError } from './error.js';
import { keyText } from './keys.js';
import { checkValue, isAscii, isUsualValue, readValue } from './value.js';

const FIELDS = 4;

/** An attribute that was not written in the usual form, and was therefore read at once. */
interface Unusual {
  readonly key: string;
  readonly value: Buffer;
}

/**
 * Where the relevant attributes of a request's spans stand, as offsets in its body: four numbers an attribute, and neither keys nor
 * values are decoded until somebody asks for them.
 */
export class Marks {
  private offsets = new Int32Array(64 * FIELDS);
  private readonly unusual: Unusual[] = [];
  /** Attributes marked so far. */
  count = 0;

  constructor(private readonly bytes: Buffer) {}

  add(keyStart: number, keyEnd: number, valueStart: number, valueEnd: number): void {
    const at = this.count * FIELDS;
    if (at === this.offsets.length) {
      const grown = new Int32Array(this.offsets.length * 2);
      grown.set(this.offsets);
      this.offsets = grown;
    }
    this.offsets[at] = keyStart;
    this.offsets[at + 1] = keyEnd;
    this.offsets[at + 2] = valueStart;
    this.offsets[at + 3] = valueEnd;
    this.count++;
  }

  addUnusual(key: string, value: Buffer): void {
    this.unusual.push({ key, value });
    this.add(-this.unusual.length, 0, 0, 0);
  }

  /** @throws IntakeError `bad_data` unless every value from mark `from` on can be read */
  check(from: number): void {
    for (let mark = from; mark < this.count; mark++) {
      const at = mark * FIELDS;
      const unusual = this.unusualAt(at);
      if (unusual === undefined) checkValue(this.bytes, this.offsets[at + 2] as number, this.offsets[at + 3] as number);
      else readValue(unusual.value, 0, unusual.value.length);
    }
  }

  /** The attributes from mark `from` to mark `to`; one whose value cannot be read has none. */
  read(from: number, to: number): (readonly [string, WireValue])[] {
    const out: (readonly [string, WireValue])[] = [];
    for (let mark = from; mark < to; mark++) {
      const at = mark * FIELDS;
      const unusual = this.unusualAt(at);
      if (unusual !== undefined) out.push([unusual.key, readable(unusual.value, 0, unusual.value.length)]);
      else {
        const key = keyText(this.bytes, this.offsets[at] as number, this.offsets[at + 1] as number);
        out.push([key, usual(this.bytes, this.offsets[at + 2] as number, this.offsets[at + 3] as number)]);
      }
    }
    return out;
  }

  private unusualAt(at: number): Unusual | undefined {
    const index = this.offsets[at] as number;
    return index < 0 ? this.unusual[-index - 1] : undefined;
  }
}

/** {@link readable}, short for one ASCII string and one small int: what nearly all of a link's values are. */
function usual(bytes: Buffer, start: number, end: number): WireValue {
  if (isUsualValue(bytes, start, end)) {
    if (bytes[start] === 0x18) return bytes[start + 1] as number;
    if (isAscii(bytes, start + 2, end)) return bytes.toString('latin1', start + 2, end);
  }
  return readable(bytes, start, end);
}

function readable(bytes: Buffer, start: number, end: number): WireValue {
  try {
    return readValue(bytes, start, end);
  } catch (error) {
    if (error instanceof IntakeError) return { other: 'none' };
    throw error;
  }
}
