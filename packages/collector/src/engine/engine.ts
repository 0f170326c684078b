import { performance } from 'node:perf_hooks';
import type { Register } from '@agent-custody/chain';
import { LedgerError } from '../ledger/errors.js';
import type { Act, Pruning, VerdictCount } from '../ledger/ledger.js';
import type { Caller, IngestAnswer } from '../receive/types.js';
import type { Scanned } from '../scan/types.js';
import { linksOf } from './links.js';
import { Recorder, type Request } from './recorder.js';
import { reportFrom } from './sessions.js';
import type { Clock, Engine, EngineOptions, ReadBack, Readiness } from './types.js';

const SYSTEM_CLOCK: Clock = { now: () => Date.now(), monotonic: () => performance.now() };
const DEFAULT_PENDING_SPANS = 50_000;
/** Spans verified and committed in one go: the event loop stands still for it, and what is in memory until then is collected dearly. */
const COMMIT_SPANS = 2_048;
/** After a failure of the ledger, how long until it is tried again, ms. */
const RETRY_AFTER_MS = 1_000;

/** A request that waits for its commit. */
interface Pending extends Request {
  readonly resolve: (answer: IngestAnswer) => void;
}

const BUSY: IngestAnswer = { type: 'busy', retryAfterSeconds: 1 };

/**
 * Opens the engine on a ledger: loads the sessions that were open when it was last closed or killed, all their waits beginning anew.
 *
 * @throws LedgerError when the ledger cannot be read or written
 * @example const engine = createEngine({ ledger: openSqliteLedger(path), hashing: nodeHashing, log, metrics });
 */
export function createEngine(options: EngineOptions): Engine {
  return new GroupCommitEngine(options);
}

/**
 * Requests that arrive while a commit runs, or in the same turn of the event loop, share the next one: many small requests are bound
 * by the disk's flush, which they pay for together.
 */
class GroupCommitEngine implements Engine {
  private readonly clock: Clock;
  private readonly recorder: Recorder;
  private failure: { readonly reason: string; readonly retryAt: number } | undefined;
  private queue: Pending[] = [];
  private queuedSpans = 0;
  private scheduled = false;
  private closed = false;

  constructor(private readonly options: EngineOptions) {
    this.clock = options.clock ?? SYSTEM_CLOCK;
    this.recorder = new Recorder(options, this.clock);
    this.tick();
  }

  ingest(scanned: Scanned, caller: Caller): Promise<IngestAnswer> {
    // A request that is larger than the bound alone is taken when nothing else waits: it would never be, otherwise.
    const full = this.queuedSpans > 0 && this.queuedSpans + scanned.spans.length > this.bound;
    if (this.closed || full || this.isResting()) return Promise.resolve(BUSY);
    return new Promise((resolve) => {
      this.queue.push({ scanned, caller, resolve });
      this.queuedSpans += scanned.spans.length;
      this.schedule();
    });
  }

  tick(): void {
    if (!this.closed && !this.isResting()) this.commit([]);
  }

  registerChanged(register: Register): void {
    this.recorder.useRegister(register);
    this.tick();
  }

  readBack(readBack: ReadBack): void {
    if (this.closed) throw new LedgerError('unavailable', 'the engine is closed: what was read back is not on record');
    this.recorder.readBack(readBack);
  }

  readiness(): Readiness {
    if (this.closed) return { ready: false, reason: 'the engine is closed' };
    if (this.failure !== undefined) return { ready: false, reason: this.failure.reason };
    return this.queuedSpans >= this.bound ? { ready: false, reason: `${this.queuedSpans} spans wait for the ledger` } : { ready: true };
  }

  report(session: string): ReturnType<Engine['report']> {
    const row = this.options.ledger.session(session);
    return row && reportFrom(row, this.options.ledger);
  }

  reports(page: Parameters<Engine['reports']>[0]): ReturnType<Engine['reports']> {
    const { items, next } = this.options.ledger.sessionsPage(page);
    return { items: items.map((row) => reportFrom(row, this.options.ledger)), next };
  }

  links(session: string, from?: number, limit?: number): ReturnType<Engine['links']> {
    return linksOf(session, this.options.ledger, from, limit);
  }

  findings(page: Parameters<Engine['findings']>[0]): ReturnType<Engine['findings']> {
    return this.options.ledger.findingsPage(page);
  }

  prune(limit: number, act: Act & { readonly beforeMs: number }): Pruning | undefined {
    return this.closed ? undefined : this.recorder.prune(limit, act);
  }

  verdictCounts(): readonly VerdictCount[] {
    return this.recorder.verdictCounts();
  }

  close(): Promise<void> {
    while (this.queue.length > 0 && !this.isResting()) this.commit(this.nextGroup());
    for (const { resolve } of this.queue) resolve(BUSY);
    this.queue = [];
    this.queuedSpans = 0;
    this.closed = true;
    return Promise.resolve();
  }

  private get bound(): number {
    return this.options.pendingSpans ?? DEFAULT_PENDING_SPANS;
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    // After the poll phase: every request that has been read by then is in the group.
    setImmediate(() => {
      this.scheduled = false;
      if (this.queue.length === 0) return;
      this.commit(this.nextGroup());
      if (this.queue.length > 0) this.schedule();
    });
  }

  private nextGroup(): Pending[] {
    let spans = 0;
    let count = 0;
    for (const { scanned } of this.queue) {
      if (count > 0 && spans + scanned.spans.length > COMMIT_SPANS) break;
      spans += scanned.spans.length;
      count++;
    }
    this.queuedSpans -= spans;
    return this.queue.splice(0, count);
  }

  private commit(group: readonly Pending[]): void {
    try {
      const answers = this.recorder.record(group);
      this.recovered();
      for (const [index, { resolve }] of group.entries()) resolve(answers[index] ?? BUSY);
    } catch (error) {
      if (error instanceof LedgerError || group.length === 0) this.failed(error);
      else this.options.log.error({ err: error, requests: group.length }, 'a request could not be judged');
      // Not the machine: one of these requests cannot be judged. The others need not wait for it, and it stays with its sender.
      if (!(error instanceof LedgerError) && group.length > 1) for (const pending of group) this.commit([pending]);
      else for (const { resolve } of group) resolve(BUSY);
    }
  }

  private failed(error: unknown): void {
    // Once for each time that it fails: a disk may stay full for a day.
    if (this.failure === undefined) this.options.log.error({ err: error }, 'nothing can be recorded: requests are answered busy');
    this.failure = { reason: error instanceof Error ? error.message : String(error), retryAt: this.clock.monotonic() + RETRY_AFTER_MS };
  }

  private recovered(): void {
    if (this.failure === undefined) return;
    this.failure = undefined;
    this.options.log.info({}, 'it can be recorded again');
  }

  private isResting(): boolean {
    return this.failure !== undefined && this.clock.monotonic() < this.failure.retryAt;
  }
}
