/** Whole milliseconds of a time in nanoseconds. */
export function milliseconds(nanos: bigint): number {
  return Number(nanos / 1_000_000n);
}

let millisecond = 0;
let begun = 0n;

/**
 * Unix nanoseconds: the system's clock, which has milliseconds, with what has passed since the present one began. Follows the
 * system when it is set; the writer keeps the order of its links by itself.
 */
export function unixNanos(): bigint {
  const now = Date.now();
  const ticks = process.hrtime.bigint();
  if (now !== millisecond) {
    millisecond = now;
    begun = ticks;
  }
  const within = ticks - begun;
  return BigInt(now) * 1_000_000n + (within < 1_000_000n ? within : 999_999n);
}
