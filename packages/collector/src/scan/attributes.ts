import { classify, type KeyClass, keyText, OTHER, RESERVED } from './keys.js';
import type { Marks } from './marks.js';
import { badData, LENGTH, type MessageFields, type WireReader } from './wire.js';

const KEY_VALUE: MessageFields = [undefined, LENGTH, LENGTH];

/** An honest KeyValue has one; millions of tiny ones would fill the memory. */
const MAX_VALUES = 16;

/**
 * Passes over the KeyValue that ends at `end`, marks it when the verifier reads it, and answers its class. The order that every
 * encoder writes (one key, one value) is taken on the bytes; any other is read field by field.
 *
 * @throws IntakeError `bad_data`
 */
export function scanAttribute(reader: WireReader, end: number, marks: Marks): KeyClass {
  const { bytes } = reader;
  const start = reader.position;
  if (bytes[start] === 0x0a && start + 1 < end) {
    const keyStart = start + 2;
    const keyLength = bytes[start + 1] as number;
    const keyEnd = keyStart + keyLength;
    if (keyLength < 0x80 && keyEnd < end && bytes[keyEnd] === 0x12) {
      reader.position = keyEnd + 1;
      if (reader.lengthEnd(end) === end) {
        const kind = classify(bytes, keyStart, keyLength);
        if (kind !== OTHER && kind !== RESERVED) marks.add(keyStart, keyEnd, reader.position, end);
        reader.position = end;
        return kind;
      }
    }
  }
  reader.position = start;
  return scanUnusual(reader, end, marks);
}

/** A KeyValue in any order, with fields missing, repeated or unknown: the last key counts, values are merged. */
function scanUnusual(reader: WireReader, end: number, marks: Marks): KeyClass {
  const { bytes } = reader;
  let keyStart = 0;
  let keyEnd = 0;
  const values: Buffer[] = [];
  while (reader.position < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a) {
      keyEnd = reader.lengthEnd(end);
      keyStart = reader.position;
      reader.position = keyEnd;
    } else if (tag === 0x12) {
      const stop = reader.lengthEnd(end);
      const value = bytes.subarray(reader.position, stop);
      // To merge two messages is to parse one after the other, but some decoders replace instead. They differ over an empty one
      // (left as it was, or now absent): no value, then, is the answer that no link can profit from.
      if (value.length === 0) values.length = 0;
      else if (values.length >= MAX_VALUES) throw badData('an attribute has too many values', stop);
      else values.push(value);
      reader.position = stop;
    } else reader.skip(tag, end, KEY_VALUE);
  }
  const kind = classify(bytes, keyStart, keyEnd - keyStart);
  if (kind !== OTHER && kind !== RESERVED) marks.addUnusual(keyText(bytes, keyStart, keyEnd), Buffer.concat(values));
  return kind;
}
