import { BackOff } from '../../forward/backoff.js';
import { Pause } from '../../forward/pause.js';
import { LedgerError } from '../../ledger/errors.js';
import { TempoError } from '../errors.js';
import { concludeLook, type Suspicion } from './conclude.js';
import { lookAt } from './look.js';
import type { PendingReadBack } from './store.js';
import type { ReadBackFailure, Reconciler, ReconcilerOptions } from './types.js';

/** Between two sessions, ms: Tempo and the collector have other things to do. */
const BETWEEN_MS = 25;
/** How long nothing is looked at at most, ms: what is due is asked of the ledger again then. */
const LONGEST_IDLE_MS = 30_000;
const SETTLE_MS = 60_000;
const RETRY = { firstMs: 1_000, longestMs: 300_000 };
/** A session with more is not read back: it is in memory twice meanwhile. */
const MOST_LINKS = 50_000;
/** Failures that are one session's and not Tempo's: the others need not wait. */
const OF_ONE_SESSION: ReadonlySet<ReadBackFailure> = new Set(['too_large', 'unreadable', 'refused', 'partial', 'nothing_found']);
/** Sessions that are suspected in memory; what was suspected before is looked at anew. */
const MOST_SUSPICIONS = 1_000;

/**
 * Starts to read sessions back from Tempo a while after they were forwarded. Tempo answers 200 and may still lose a span (a trace past
 * its size, a crash within seconds), and who can write to its storage can delete one.
 *
 * What seems lost is looked at twice: it is a finding when it is missing both times, `settleMs` apart, and waits nowhere. What was
 * lost is forwarded once more, and once only; the finding heals when a later look finds everything there. A Tempo that cannot be
 * asked is counted and logged and is no finding.
 *
 * @example const reconciler = createReconciler({ ledger, engine, tempo, afterMs: 600_000, log, metrics });
 */
export function createReconciler(options: ReconcilerOptions): Reconciler {
  const loop = new ReadBackLoop(options);
  loop.start();
  return loop;
}

class ReadBackLoop implements Reconciler {
  private readonly backOff = new BackOff(RETRY.firstMs, RETRY.longestMs, Math.random);
  private readonly suspicions = new Map<string, Suspicion>();
  private closing = false;
  private running: Promise<void> = Promise.resolve();
  private readonly pause = new Pause();
  private lastFailure: ReadBackFailure | undefined;
  /** Something of this collector's was found: it is the right Tempo, and what is missing there is missing. */
  private proven = false;

  constructor(private readonly options: ReconcilerOptions) {}

  start(): void {
    this.running = this.run();
  }

  async close(): Promise<void> {
    this.closing = true;
    this.pause.end();
    await this.running;
  }

  private get settleMs(): number {
    return this.options.settleMs ?? Math.min(this.options.afterMs, SETTLE_MS);
  }

  private now(): number {
    return this.options.now?.() ?? Date.now();
  }

  private async run(): Promise<void> {
    while (!this.closing) {
      try {
        await this.round();
      } catch (error) {
        if (this.closing) return;
        await this.failed(error instanceof LedgerError ? 'ledger' : 'failed', error);
      }
    }
  }

  private async round(): Promise<void> {
    const pending = this.options.ledger.readBacks.next();
    const wait = pending === undefined ? LONGEST_IDLE_MS : pending.dueMs - this.now();
    if (pending === undefined || wait > 0) {
      await this.rest(Math.min(wait, this.options.afterMs, LONGEST_IDLE_MS));
      return;
    }
    await this.readBack(pending);
    await this.rest(BETWEEN_MS);
  }

  private async readBack(pending: PendingReadBack): Promise<void> {
    const { ledger, tempo } = this.options;
    const { session } = pending;
    if (!this.isTracked(pending)) {
      ledger.readBacks.drop(session);
      return;
    }
    try {
      const look = await lookAt(session, ledger, tempo);
      if (this.closing) return;
      this.proven ||= look.found;
      if (!look.found && !this.proven && look.recorded > 0) return await this.failedFor(pending, 'nothing_found');
      this.conclude(pending, look);
      if (look.partial) this.options.metrics.readBackFailed('partial');
      else this.recovered();
    } catch (error) {
      if (!(error instanceof TempoError)) throw error;
      if (!this.closing) await this.failedFor(pending, error.code, error);
    }
  }

  /** Whether every link on record came while it was tracked: of others nobody knows whether they were forwarded. */
  private isTracked({ session, links }: PendingReadBack): boolean {
    const { ledger, log } = this.options;
    const row = ledger.session(session);
    if (row === undefined || ledger.prunedSession(session) !== undefined) return false;
    if (row.links === links && links <= MOST_LINKS) return true;
    log.info({ session, links: row.links }, 'not read back: it has too many links, or some came while nothing was forwarded');
    return false;
  }

  private conclude(pending: PendingReadBack, look: Awaited<ReturnType<typeof lookAt>>): void {
    const { options, suspicions } = this;
    const { session } = pending;
    const outcome = concludeLook(pending, look, suspicions.get(session), { ...options, settleMs: this.settleMs, nowMs: this.now() });
    suspicions.delete(session);
    if (outcome.suspicion !== undefined) {
      if (suspicions.size >= MOST_SUSPICIONS) suspicions.clear();
      suspicions.set(session, outcome.suspicion);
    }
    options.metrics.readBack(outcome.result);
    if (outcome.sentAgain > 0) options.metrics.sentAgain(outcome.sentAgain);
  }

  private async failedFor({ session, looks }: PendingReadBack, reason: ReadBackFailure, error?: TempoError): Promise<void> {
    if (OF_ONE_SESSION.has(reason)) {
      const { ledger, afterMs } = this.options;
      ledger.readBacks.postpone(session, this.now() + Math.max(afterMs, RETRY.firstMs) * 2 ** Math.min(looks, 8), looks + 1);
      this.options.metrics.readBackFailed(reason);
      this.say(reason, error);
      return;
    }
    await this.failed(reason, error);
  }

  private async failed(reason: ReadBackFailure, error: unknown): Promise<void> {
    this.options.metrics.readBackFailed(reason);
    this.say(reason, error);
    const asked = error instanceof TempoError ? error.retryAfterMs : undefined;
    await this.rest(this.backOff.next(Math.min(asked ?? 0, RETRY.longestMs)));
  }

  /** Once for each kind of failure: a Tempo that is down for a day must not fill the log. */
  private say(reason: ReadBackFailure, error: unknown): void {
    if (this.lastFailure === reason) return;
    this.lastFailure = reason;
    const words = error instanceof Error ? error.message : HINTS[reason];
    this.options.log.warn(
      { reason, ...(words !== undefined && { hint: words }) },
      'sessions cannot be read back from Tempo: it is tried again',
    );
  }

  private recovered(): void {
    this.backOff.reset();
    if (this.lastFailure !== undefined) this.options.log.info({}, 'sessions are read back from Tempo again');
    this.lastFailure = undefined;
  }

  private async rest(ms: number): Promise<void> {
    if (!this.closing) await this.pause.of(ms);
  }
}

const HINTS: Partial<Record<ReadBackFailure, string>> = {
  nothing_found: 'nothing of what was forwarded is there: is --tempo-query the Tempo that is forwarded to, and the tenant the same?',
};
