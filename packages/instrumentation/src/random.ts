import { randomFillSync } from 'node:crypto';

// One call into the kernel's generator costs more than the bytes: they are drawn in blocks, and none is ever used twice.
const pool = Buffer.allocUnsafe(8192);
let used = pool.length;

/** `bytes` random bytes as lower-case hex. */
function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const hex = pool.toString('hex', used, used + bytes);
  pool.fill(0, used, used + bytes);
  used += bytes;
  return hex;
}

/** A fresh 32-byte salt for one commitment (SPEC.md, "Commitments"). */
export const newSalt = (): string => randomHex(32);
export const newSessionId = (): string => randomHex(16);
export const newTraceId = (): string => randomHex(16);
export const newSpanId = (): string => randomHex(8);
