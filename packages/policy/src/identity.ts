// A digest that tells equal JSON values from different ones, for breakers that compare calls. Not cryptographic, and need not be:
// whoever finds two arguments with one digest has only found a way to be stopped sooner.

const MAX_DEPTH = 256;
const MAX_NODES = 100_000;

interface Mix {
  high: number;
  low: number;
  nodes: number;
}

/**
 * 53 bits of a JSON value, in base 36; key order does not matter. What lies deeper than 256 or past 100 000 nodes is not told
 * apart, so that neither the stack nor the clock is at a caller's mercy.
 */
export function identityOf(value: unknown): string {
  // Both in the range of 32-bit integers, so that they never become floating point numbers on the heap.
  const mix: Mix = { high: 0xdeadbeef | 0, low: 0x41c6ce57, nodes: 0 };
  walk(mix, value, 0);
  return finish(mix);
}

function walk(mix: Mix, value: unknown, depth: number): void {
  if (depth > MAX_DEPTH || ++mix.nodes > MAX_NODES) return;
  if (typeof value !== 'object' || value === null) scalar(mix, value);
  else if (Array.isArray(value)) items(mix, value, depth + 1);
  else members(mix, value as Record<string, unknown>, depth + 1);
}

function items(mix: Mix, list: readonly unknown[], depth: number): void {
  unit(mix, 91 + (list.length << 8));
  for (const item of list) {
    if (mix.nodes > MAX_NODES) return;
    walk(mix, item, depth);
  }
}

function members(mix: Mix, record: Readonly<Record<string, unknown>>, depth: number): void {
  const keys = Object.keys(record).sort();
  unit(mix, 123 + (keys.length << 8));
  for (const key of keys) {
    if (mix.nodes > MAX_NODES) return;
    text(mix, key);
    walk(mix, record[key], depth);
  }
}

function scalar(mix: Mix, value: unknown): void {
  if (typeof value === 'string') {
    unit(mix, 34);
    text(mix, value);
  } else {
    unit(mix, typeof value === 'number' ? 48 : 98);
    // -0 and 0 are one number in JSON.
    text(mix, value === 0 ? '0' : String(value));
  }
}

/** With its length, so that what is next to it cannot be taken for a part of it. */
function text(mix: Mix, value: string): void {
  unit(mix, value.length);
  let { high, low } = mix;
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    high = Math.imul(high ^ code, 0x9e3779b1) ^ (low >>> 15);
    low = Math.imul(low ^ code, 0x5f356495);
  }
  mix.high = high;
  mix.low = low;
}

function unit(mix: Mix, value: number): void {
  mix.high = Math.imul(mix.high ^ value, 0x9e3779b1) ^ (mix.low >>> 15);
  mix.low = Math.imul(mix.low ^ value, 0x5f356495);
}

function finish({ high, low }: Mix): string {
  const one = Math.imul(high ^ (high >>> 16), 0x735a2d97) ^ Math.imul(low ^ (low >>> 15), 0xcaf649a9);
  const other = Math.imul(low ^ (low >>> 16), 0x735a2d97) ^ Math.imul(high ^ (high >>> 15), 0xcaf649a9);
  return (2_097_152 * (other >>> 0) + (one >>> 11)).toString(36);
}
