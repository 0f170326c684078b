import type { Engine, Log } from '../engine/types.js';
import { LedgerError } from '../ledger/errors.js';
import type { Act, Ledger, Pruning } from '../ledger/ledger.js';

/** Regulation (EU) 2024/1689, articles 19 and 26(6): logs are kept for at least six months. */
export const LEAST_DAYS = 180;
export const DAY_MS = 86_400_000;
/** Sessions of one pruning: each is one transaction, and nothing is received while it runs. */
const BATCH = 100;

export interface RetentionResult {
  readonly sessions: number;
  readonly links: number;
  /** Ids of the prunings on record. */
  readonly prunings: readonly number[];
}

/**
 * Prunes every session whose last link came before `act.beforeMs` and that nothing is awaited of.
 *
 * @throws LedgerError; what was pruned by then is on record
 */
export function pruneAll(ledger: Ledger, act: Act & { readonly beforeMs: number }): RetentionResult {
  const done: Pruning[] = [];
  for (let next = ledger.prunable(act.beforeMs, BATCH); next.length > 0; next = ledger.prunable(act.beforeMs, BATCH)) {
    const sessions = next;
    done.push(ledger.transaction(() => ledger.prune(sessions, act)));
  }
  return {
    sessions: done.reduce((sum, { sessions }) => sum + sessions, 0),
    links: done.reduce((sum, { links }) => sum + links, 0),
    prunings: done.map(({ id }) => id),
  };
}

/** Does the same in a running collector, once a day, a batch at each call so that ingestion goes on in between. */
export class DailyRetention {
  private nextAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly parts: {
      readonly engine: Pick<Engine, 'prune'>;
      readonly log: Log;
      readonly days: number;
      readonly now: () => number;
    },
  ) {}

  tick(): void {
    const { engine, log, days, now } = this.parts;
    const atMs = now();
    if (atMs < this.nextAt) return;
    try {
      const act = { by: 'collector', reason: `retain-days ${days}`, atMs, beforeMs: atMs - days * DAY_MS };
      const pruning = engine.prune(BATCH, act);
      if (pruning === undefined) this.nextAt = atMs + DAY_MS;
      else log.info({ pruning: pruning.id, sessions: pruning.sessions, links: pruning.links }, 'pruned what is older than it is kept');
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      this.nextAt = atMs + 3_600_000;
      log.warn({ err: error }, 'nothing could be pruned: tried again in an hour');
    }
  }
}
