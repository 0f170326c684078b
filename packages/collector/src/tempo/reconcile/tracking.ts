import type { SessionUpdate } from '../../engine/sessions.js';
import type { SessionUpdates } from '../../engine/types.js';
import type { ReadBackStore } from './store.js';

/** A session that never falls silent is read back all the same, after this many times what one is read back after. */
const PATIENCE = 6;

/** Notes which sessions are to be read back, and when, in the transaction that brings their links. */
export class ReadBackTracking implements SessionUpdates {
  constructor(
    private readonly store: ReadBackStore,
    private readonly afterMs: number,
  ) {}

  updated({ before, row }: SessionUpdate, nowMs: number): void {
    if (row.links === (before?.links ?? 0)) return;
    const dueMs = nowMs + this.afterMs;
    // One that was there before and is not in the store had links that may never have been forwarded.
    if (before === undefined || before.links === 0) this.store.begin(row.session, row.links, dueMs);
    else {
      const count = { before: before.links, links: row.links };
      this.store.more(row.session, count, { nowMs, dueMs, patienceMs: PATIENCE * this.afterMs });
    }
  }
}
