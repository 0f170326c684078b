import { LedgerError } from '../ledger/errors.js';
import type { Ledger } from '../ledger/ledger.js';

/** How often a running collector says that it is: what a killed one leaves unknown at most. */
export const NOTED_EVERY_MS = 60_000;

/**
 * Keeps on record when the collector was receiving. A list of sessions is complete only for those times, and an auditor asks for the
 * others first.
 */
export class RunRecord {
  private notedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly ledger: Ledger,
    private readonly now: () => number,
  ) {}

  /** To be called every now and then; what cannot be written is not noted, and then no span could be taken either. */
  receiving(): void {
    const now = this.now();
    // A clock that was set back must not stop the record.
    if (Math.abs(now - this.notedAt) < NOTED_EVERY_MS) return;
    this.note(now, 'receiving');
  }

  stopped(): void {
    this.note(this.now(), 'stopped');
  }

  private note(atMs: number, state: 'receiving' | 'stopped'): void {
    try {
      this.ledger.noteRun(atMs, state);
      this.notedAt = atMs;
    } catch (error) {
      // A ledger that cannot be written takes no spans either: that time is rightly missing here.
      if (!(error instanceof LedgerError)) throw error;
    }
  }
}
