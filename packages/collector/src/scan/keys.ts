import { ATTR, COLLECTOR_PREFIXES, CONTENT_KEYS, COVERED_FOREIGN_KEYS } from '@agent-custody/chain';

/** What a scanner does with an attribute, by its key. */
export const OTHER = 0;
/** Read by the verifier. */
const RELEVANT = 1;
/** Read by the verifier, and makes the span claim to be a link. */
export const LINK_CLAIM = 2;
/** The collector's own word, forged when it comes in: removed. */
export const RESERVED = 3;

export type KeyClass = typeof OTHER | typeof RELEVANT | typeof LINK_CLAIM | typeof RESERVED;

const CUSTODY = Buffer.from('custody.');
const LINK = Buffer.from('custody.link.');
const RESERVED_PREFIXES = COLLECTOR_PREFIXES.map((prefix) => Buffer.from(prefix));
const STATUS = Buffer.from(ATTR.status);

interface KnownKey {
  readonly text: string;
  readonly bytes: Uint8Array;
}

const SLOTS = 1024;
/** No known key is shorter; below it there may be too few bytes to hash. */
const MIN_KNOWN = 8;

/** Every key that the format names, hashed by its length and four of its bytes; a key is looked up without making a string of it. */
const KNOWN = hashed([...Object.values(ATTR), ...CONTENT_KEYS, ...COVERED_FOREIGN_KEYS]);

function hashed(keys: readonly string[]): readonly (readonly KnownKey[] | undefined)[] {
  const table: (KnownKey[] | undefined)[] = new Array(SLOTS).fill(undefined);
  for (const text of new Set(keys)) {
    const bytes = Buffer.from(text);
    const slot = slotOf(bytes, 0, bytes.length);
    table[slot] = [...(table[slot] ?? []), { text, bytes }];
  }
  return table;
}

function slotOf(bytes: Uint8Array, start: number, length: number): number {
  const end = start + length;
  const sample =
    length * 29 +
    (bytes[start + (length >> 1)] as number) * 37 +
    (bytes[start + (length >> 2) * 3] as number) * 11 +
    (bytes[end - 3] as number) * 5 +
    (bytes[end - 1] as number) * 17;
  return sample & (SLOTS - 1);
}

function known(bytes: Uint8Array, start: number, length: number): KnownKey | undefined {
  const candidates = KNOWN[slotOf(bytes, start, length)];
  if (candidates === undefined) return undefined;
  for (const candidate of candidates) {
    if (candidate.bytes.length === length && startsWith(bytes, start, candidate.bytes)) return candidate;
  }
  return undefined;
}

/** Whether `bytes` from `start` on begins with `prefix`; the caller knows that there are enough of them. */
function startsWith(bytes: Uint8Array, start: number, prefix: Uint8Array): boolean {
  // Backwards: keys of one family differ at the end.
  for (let i = prefix.length - 1; i >= 0; i--) if (bytes[start + i] !== prefix[i]) return false;
  return true;
}

/** Classes the key at `start`, on its bytes: most attributes are no concern of ours, and no string is made of them. */
export function classify(bytes: Uint8Array, start: number, length: number): KeyClass {
  // Every key that concerns us is custody.*, gen_ai.* or error.type.
  switch (bytes[start]) {
    case 0x63: // c
      return length >= CUSTODY.length && startsWith(bytes, start, CUSTODY) ? classOfCustody(bytes, start, length) : OTHER;
    case 0x67: // g
    case 0x65: // e
      return length >= MIN_KNOWN && known(bytes, start, length) !== undefined ? RELEVANT : OTHER;
    default:
      return OTHER;
  }
}

function classOfCustody(bytes: Uint8Array, start: number, length: number): KeyClass {
  switch (bytes[start + CUSTODY.length]) {
    case 0x6c: // l
      if (length < LINK.length || !startsWith(bytes, start, LINK)) return RELEVANT;
      return length === STATUS.length && startsWith(bytes, start, STATUS) ? RESERVED : LINK_CLAIM;
    case 0x66: // f
    case 0x72: // r
    case 0x76: // v
      return RESERVED_PREFIXES.some((prefix) => length >= prefix.length && startsWith(bytes, start, prefix)) ? RESERVED : RELEVANT;
    default:
      return RELEVANT;
  }
}

/** The text of a relevant key; a byte that is no UTF-8 becomes U+FFFD, which no key of the format may hold. */
export function keyText(bytes: Buffer, start: number, end: number): string {
  return (end - start >= MIN_KNOWN ? known(bytes, start, end - start)?.text : undefined) ?? bytes.toString('utf8', start, end);
}
