import { isUtf8 } from 'node:buffer';
import type { OtherValue, WireValue } from '@agent-custody/chain';
import { FIXED64, LENGTH, type MessageFields, VARINT, WireReader } from './wire.js';

const ANY_VALUE: MessageFields = [undefined, LENGTH, VARINT, VARINT, FIXED64, LENGTH, LENGTH, LENGTH];
const ARRAY_VALUE: MessageFields = [undefined, LENGTH];

/** More elements than any link has; an array of millions of empty strings would fill the memory. */
const MAX_ELEMENTS = 4096;

const other = (what: OtherValue['other']): OtherValue => ({ other: what });

/**
 * Reads the AnyValue in `bytes` from `start` to `end`. The last member of its oneof wins, as in every decoder; where decoders do
 * not agree (an array given twice is joined by some and replaced by others; a field that a newer OTLP may count among the values)
 * the answer is an {@link OtherValue}, so that no link can mean one thing here and another in the store.
 *
 * @throws IntakeError `bad_data` on bytes that are no AnyValue
 */
export function readValue(bytes: Buffer, start: number, end: number): WireValue {
  const reader = new WireReader(bytes);
  reader.position = start;
  let value: WireValue = other('none');
  let arrays = 0;
  let unknown = false;
  while (reader.position < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 0x0a: {
        const stop = reader.lengthEnd(end);
        value = text(bytes, reader.position, stop);
        reader.position = stop;
        break;
      }
      case 0x18:
        value = reader.int64(end);
        break;
      case 0x2a: {
        const stop = reader.lengthEnd(end);
        value = ++arrays > 1 ? other('array') : strings(reader, stop);
        reader.position = stop;
        break;
      }
      default:
        reader.skip(tag, end, ANY_VALUE);
        if (tag === 0x10) value = other('bool');
        else if (tag === 0x21) value = other('double');
        else if (tag === 0x32) value = other('kvlist');
        else if (tag === 0x3a) value = other('bytes');
        else unknown = true;
    }
  }
  return unknown ? other('none') : value;
}

/**
 * Whether {@link readValue} would answer, found without reading where the value is one string or one small int.
 *
 * @throws IntakeError `bad_data` on bytes that are no AnyValue
 */
export function checkValue(bytes: Buffer, start: number, end: number): void {
  if (!isUsualValue(bytes, start, end) && !isLongText(bytes, start, end)) readValue(bytes, start, end);
}

/** Whether the AnyValue is one string of 128 to 16383 bytes: what disclosed content is. */
function isLongText(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 131 || bytes[start] !== 0x0a) return false;
  const low = bytes[start + 1] as number;
  const high = bytes[start + 2] as number;
  return low >= 0x80 && high > 0 && high < 0x80 && start + 3 + (low & 0x7f) + high * 128 === end;
}

/** Whether the AnyValue is one string or one int, with a length or number below 128: what nearly all of a link's values are. */
export function isUsualValue(bytes: Uint8Array, start: number, end: number): boolean {
  const next = bytes[start + 1] as number;
  if (next >= 0x80) return false;
  const tag = bytes[start];
  return tag === 0x0a ? start + 2 + next === end : tag === 0x18 && start + 2 === end;
}

function strings(reader: WireReader, end: number): WireValue {
  const out: string[] = [];
  let onlyStrings = true;
  while (reader.position < end) {
    const tag = reader.tag(end);
    if (tag !== 0x0a) {
      reader.skip(tag, end, ARRAY_VALUE);
      onlyStrings = false;
      continue;
    }
    const stop = reader.lengthEnd(end);
    const item = element(reader, stop);
    if (item === undefined || out.length === MAX_ELEMENTS) onlyStrings = false;
    else out.push(item);
    reader.position = stop;
  }
  return onlyStrings ? out : other('array');
}

/** An array's element: read only where it is one string and nothing else, so that arrays in arrays are never entered. */
function element(reader: WireReader, end: number): string | undefined {
  if (reader.position === end || reader.tag(end) !== 0x0a) return undefined;
  const stop = reader.lengthEnd(end);
  if (stop !== end) return undefined;
  const value = text(reader.bytes, reader.position, stop);
  return typeof value === 'string' ? value : undefined;
}

function text(bytes: Buffer, start: number, end: number): string | OtherValue {
  if (isAscii(bytes, start, end)) return bytes.toString('latin1', start, end);
  return isUtf8(bytes.subarray(start, end)) ? bytes.toString('utf8', start, end) : other('invalid_utf8');
}

export function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if ((bytes[i] as number) >= 0x80) return false;
  return true;
}
