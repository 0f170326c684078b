import { isUtf8 } from 'node:buffer';
import { CONTENT_KEYS, type Hashing, type Reading, readSpan, type WireValue } from '@agent-custody/chain';
import type { ScannedSpan } from '../scan/types.js';
import { WireReader } from '../scan/wire.js';

/** What Tempo keeps of an attribute's value by default (`max_attribute_bytes`), bytes of UTF-8. */
export const TEMPO_ATTRIBUTE_BYTES = 2048;
/** The longest code point is four bytes: a store that does not tear one stops at most three short of its limit. */
const SHORT_OF_LIMIT = 3;

/** Disclosed content that the store cut: nobody can say any more whether it is what was committed to. */
export interface CutContent {
  readonly session: string;
  readonly seq: number;
  /** 16 hex: two copies of one link may be cut in different places. */
  readonly spanId: string;
  /** The attribute, such as `gen_ai.tool.call.arguments`. */
  readonly key: string;
  /** What is left of it, as stored: the last code point may be torn. */
  readonly rest: Buffer;
}

/** A span of a store that cuts, read. */
export interface StoredReading {
  readonly reading: Reading;
  readonly cut: readonly CutContent[];
}

interface Candidate {
  readonly key: string;
  readonly rest: Buffer;
}

/**
 * Reads a span that comes from a store which cuts values at `limit` bytes without a word. Content that is exactly that long (up to
 * three bytes less at a code point) and does not match its digest was cut: it is left out of the reading and told apart, since a
 * mismatch would be an accusation. Of any other length it is a mismatch, and what does match is verified whatever its length
 * (SPEC.md, "Attributes": disclosed content). Covered values are not excused: writers keep them far below any store's limit.
 *
 * @example const { reading, cut } = readStoredSpan(span, 2048, nodeHashing);
 */
export function readStoredSpan(span: ScannedSpan, limit: number, hashing: Hashing): StoredReading {
  const reading = readSpan(span.view, hashing);
  const suspect = reading.type === 'malformed' || (reading.type === 'link' && reading.link.disclosure === 'mismatch');
  if (!suspect) return { reading, cut: [] };
  const cut = candidatesIn(span, limit).filter(({ key }) => !verifies(span, key, hashing));
  if (cut.length === 0) return { reading, cut: [] };
  const left = without(span, new Set(cut.map(({ key }) => key)), hashing);
  if (left.type !== 'link') return { reading: left, cut: [] };
  const { session, seq, spanId } = left.link;
  return { reading: left, cut: cut.map(({ key, rest }) => ({ session, seq, spanId, key, rest })) };
}

/** Reads what the hash covers of a span and leaves disclosed content aside, cut or not. */
export function readCovered(span: ScannedSpan, hashing: Hashing): Reading {
  return without(span, CONTENT_KEYS, hashing);
}

function without({ view }: ScannedSpan, keys: ReadonlySet<string>, hashing: Hashing): Reading {
  const attributes = view.attributes.filter(([key]) => !keys.has(key));
  return readSpan({ traceId: view.traceId, spanId: view.spanId, attributes }, hashing);
}

/** Whether this content alone is what was committed to. */
function verifies(span: ScannedSpan, content: string, hashing: Hashing): boolean {
  const others = new Set([...CONTENT_KEYS].filter((key) => key !== content));
  const reading = without(span, others, hashing);
  return reading.type === 'link' && reading.link.disclosure === 'verified';
}

function candidatesIn(span: ScannedSpan, limit: number): Candidate[] {
  const { attributes } = span.view;
  return [...CONTENT_KEYS].flatMap((key) => {
    const values = attributes.filter(([name]) => name === key);
    // What occurs twice is malformed, however long it is.
    const [only] = values;
    if (only === undefined || values.length > 1) return [];
    const rest = restOf(only[1], span, key, limit);
    return rest === undefined ? [] : [{ key, rest }];
  });
}

function restOf(value: WireValue, span: ScannedSpan, key: string, limit: number): Buffer | undefined {
  if (typeof value === 'string') {
    const bytes = Buffer.from(value);
    return bytes.length <= limit && bytes.length >= limit - SHORT_OF_LIMIT ? bytes : undefined;
  }
  if (typeof value !== 'object' || !('other' in value) || value.other !== 'invalid_utf8') return undefined;
  const bytes = textBytes(span.bytes, key);
  return bytes?.length === limit && isTorn(bytes) ? bytes : undefined;
}

/** Whether only the last code point is not whole. */
function isTorn(bytes: Buffer): boolean {
  for (let missing = 1; missing <= SHORT_OF_LIMIT; missing++) {
    const lead = bytes[bytes.length - missing];
    if (lead !== undefined && lead >= 0xc0) return isUtf8(bytes.subarray(0, bytes.length - missing));
  }
  return false;
}

const ATTRIBUTES_TAG = 0x4a;
const KEY_TAG = 0x0a;
const VALUE_TAG = 0x12;
const STRING_TAG = 0x0a;

/** The bytes of a span's string attribute as the store holds them, no UTF-8 perhaps. */
function textBytes(span: Uint8Array, wanted: string): Buffer | undefined {
  const bytes = Buffer.from(span.buffer, span.byteOffset, span.byteLength);
  for (const attribute of fieldsOf(bytes, ATTRIBUTES_TAG)) {
    const [key] = fieldsOf(attribute, KEY_TAG);
    if (key?.toString('latin1') !== wanted) continue;
    const [value] = fieldsOf(attribute, VALUE_TAG);
    return value === undefined ? undefined : fieldsOf(value, STRING_TAG)[0];
  }
  return undefined;
}

function fieldsOf(message: Buffer, wanted: number): readonly Buffer[] {
  const out: Buffer[] = [];
  const reader = new WireReader(message);
  while (reader.position < message.length) {
    const tag = reader.tag(message.length);
    if (tag !== wanted) {
      reader.skip(tag, message.length, []);
      continue;
    }
    const end = reader.lengthEnd(message.length);
    out.push(message.subarray(reader.position, end));
    reader.position = end;
  }
  return out;
}
