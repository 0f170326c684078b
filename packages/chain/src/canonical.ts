// RFC 8785 (JSON Canonicalization Scheme), strict: whatever is not JSON is refused instead of being rewritten, because two values
// that share a canonical form share a digest. `canonicalize` from npm is the oracle in the tests.

import { ChainError } from './errors.js';

/** Nesting past this is refused: no stack overflow on hostile input, and a cycle ends here too. */
export const MAX_DEPTH = 256;

/** What a string must not hold to be copied as it is: quote, backslash, control characters, surrogates. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 8785 3.2.2.2 names them
const NEEDS_CARE = /["\\\u0000-\u001f\ud800-\udfff]/;

/**
 * The canonical JSON text of a JSON value: keys sorted by UTF-16 code units, numbers as ECMAScript prints them, no white space.
 *
 * @throws ChainError `not_json` for anything but null, booleans, finite numbers, well-formed strings, dense arrays and plain
 * objects of these; with the path of what is wrong
 * @example canonicalize({ b: 1, a: [true] }) // '{"a":[true],"b":1}'
 */
export function canonicalize(value: unknown): string {
  return write(value, 0);
}

function write(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return writeString(value);
    case 'number':
      if (!Number.isFinite(value)) throw notJson(`${value} is no JSON number`);
      return value === 0 ? '0' : `${value}`;
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (depth >= MAX_DEPTH) throw notJson(`nested deeper than ${MAX_DEPTH} (or a cycle)`);
      return Array.isArray(value) ? writeArray(value, depth) : writeObject(value, depth);
    default:
      throw notJson(`a ${typeof value} has no JSON form`);
  }
}

function writeString(value: string): string {
  if (!NEEDS_CARE.test(value)) return `"${value}"`;
  if (!value.isWellFormed()) throw notJson('a string holds a lone surrogate');
  return JSON.stringify(value);
}

/**
 * A key with what stands around it: the comma before it, the quote that closes a text before that, the quote that opens its own text.
 * Every piece that a preimage is put together of costs, and hashing has to gather them all.
 */
interface QuotedKey {
  readonly key: string;
  readonly plain: string;
  readonly text: string;
  readonly plainAfterText: string;
  readonly textAfterText: string;
}

/** Keys come again and again: their quoted form is kept, up to a bound that hostile input cannot exceed. */
const QUOTED = new Map<string, QuotedKey>();
const MAX_QUOTED = 1024;
const MAX_KEPT_KEY = 64;

function quotedKey(key: string): QuotedKey {
  const known = QUOTED.get(key);
  if (known !== undefined) return known;
  const plain = `,${writeString(key)}:`;
  const quoted = { key, plain, text: `${plain}"`, plainAfterText: `"${plain}`, textAfterText: `"${plain}"` };
  if (QUOTED.size < MAX_QUOTED && key.length <= MAX_KEPT_KEY) QUOTED.set(key, quoted);
  return quoted;
}

function writeArray(value: readonly unknown[], depth: number): string {
  if (value.length === 0) return '[]';
  let out = '[';
  for (let i = 0; i < value.length; i++) {
    if (i > 0) out += ',';
    out += at(value[i], depth, i);
  }
  return `${out}]`;
}

function writeObject(value: object, depth: number): string {
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null && !isForeignPlain(prototype)) {
    throw notJson(`a ${value.constructor?.name ?? 'class instance'} is no plain object`);
  }
  const keys = inOrder(Object.keys(value));
  if (keys.length === 0) return '{}';
  const record = value as Record<string, unknown>;
  let out = '{';
  let isTextOpen = false;
  for (let i = 0; i < keys.length; i++) {
    const quoted = keys[i] as QuotedKey;
    const { key } = quoted;
    const member = record[key];
    const isText = typeof member === 'string' && !NEEDS_CARE.test(member);
    const before = isText ? (isTextOpen ? quoted.textAfterText : quoted.text) : isTextOpen ? quoted.plainAfterText : quoted.plain;
    out += (i === 0 ? before.slice(1) : before) + (isText ? member : at(member, depth, key));
    isTextOpen = isText;
  }
  return isTextOpen ? `${out}"}` : `${out}}`;
}

/** Objects of one shape come in rows: the order of the keys last seen in a slot is kept, and compared by identity. */
const SHAPES: ({ readonly keys: readonly string[]; readonly sorted: readonly QuotedKey[] } | undefined)[] = new Array(256);

/** The keys by UTF-16 code units. */
function inOrder(keys: readonly string[]): readonly QuotedKey[] {
  const count = keys.length;
  if (count === 0) return [];
  const slot = (count * 31 + (keys[0] as string).length * 7 + (keys[count - 1] as string).length) & 255;
  const shape = SHAPES[slot];
  if (shape !== undefined && sameKeys(shape.keys, keys)) return shape.sorted;
  const sorted = [...keys].sort().map(quotedKey);
  if (count <= 64 && keys.every((key) => key.length <= MAX_KEPT_KEY)) SHAPES[slot] = { keys, sorted };
  return sorted;
}

function sameKeys(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Object.prototype of another realm (a vm context, an iframe) has null above it and is no class's prototype. */
function isForeignPlain(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'hasOwnProperty');
}

function at(value: unknown, depth: number, key: string | number): string {
  // Leaves first: no try around what cannot throw with a path worth adding.
  if (typeof value === 'string' && !NEEDS_CARE.test(value)) return `"${value}"`;
  try {
    return write(value, depth + 1);
  } catch (error) {
    if (error instanceof NotJson) error.path.unshift(key);
    throw error;
  }
}

/** Collects its path on the way up, so that the message is made once. */
class NotJson extends ChainError {
  readonly path: (string | number)[] = [];
  private readonly problem: string;

  constructor(problem: string) {
    super('not_json', problem);
    this.problem = problem;
    Object.defineProperty(this, 'message', {
      get: () => `not JSON at ${this.path.length === 0 ? 'the top' : `/${this.path.slice(0, 12).join('/')}`}: ${this.problem}`,
    });
  }
}

function notJson(problem: string): NotJson {
  return new NotJson(problem);
}
