import { randomBytes } from 'node:crypto';
import { clearTimeout, setTimeout } from 'node:timers';

/** Time and randomness as inputs, so that the rules about leases and retries can be tested without waiting. */
export interface EvidenceRuntime {
  /** Wall clock, Unix milliseconds: leases are compared between processes. */
  now(): number;
  /** Milliseconds on a clock that nobody sets: for how long something has been watched. */
  elapsed(): number;
  /** Calls back once; the answer cancels. Only with `hold` does the timer keep the process alive. */
  after(ms: number, callback: () => void, hold?: 'hold'): () => void;
  /** At least 0, less than 1. */
  random(): number;
  /** 32 hex, never the same twice: process ids repeat, in containers all the time. */
  id(): string;
  /** For how long a spool file belongs to its owner after a renewal, in milliseconds. Renewed three times as often. */
  readonly leaseMs: number;
}

export const systemRuntime: EvidenceRuntime = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(ms, callback, hold) {
    const timer = setTimeout(callback, ms);
    if (hold === undefined) timer.unref();
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
  id: () => randomBytes(16).toString('hex'),
  leaseMs: 15_000,
};
