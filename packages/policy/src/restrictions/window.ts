import type { Slice } from '../types.js';

// A sliding window that never lets more calls than its limit into any span of its length. Calls close together share a slice, and
// a slice counts until its last call has left the window: the window is exact for sparse calls, and for dense ones stricter by at
// most a sixtieth of its length. At most 61 slices are kept, however many calls there are.

const SLICES = 60;

/** The slices that still count. They are in order, so most calls need no copy. */
export function inWindow(slices: readonly Slice[], now: number, withinMs: number): readonly Slice[] {
  let gone = 0;
  while (gone < slices.length && (slices[gone] as Slice)[1] + withinMs <= now) gone++;
  return gone === 0 ? slices : slices.slice(gone);
}

/** Calls in slices that count. */
export function callsIn(slices: readonly Slice[]): number {
  let calls = 0;
  for (const slice of slices) calls += slice[2];
  return calls;
}

/** Slices that count, with one call more. A clock that was set back does not take calls out of the window. */
export function withCall(slices: readonly Slice[], now: number, withinMs: number): readonly Slice[] {
  const latest = slices.at(-1);
  const at = latest === undefined ? now : Math.max(now, latest[1]);
  if (latest === undefined || at - latest[0] >= withinMs / SLICES) return [...slices, [at, at, 1]];
  return slices.with(-1, [latest[0], at, latest[2] + 1]);
}

/** How long until slices that are full have room for a call, ms. */
export function roomIn(slices: readonly Slice[], now: number, withinMs: number, limit: number): number {
  let calls = callsIn(slices);
  for (const [, last, count] of slices) {
    calls -= count;
    if (calls < limit) return last + withinMs - now;
  }
  return 0;
}
