import type { Log } from '../engine/types.js';
import { BackOff } from '../forward/backoff.js';
import { Pause } from '../forward/pause.js';
import type { Ledger, Notice } from '../ledger/ledger.js';
import type { NoticeFailure, NoticeMetrics, WaitingNotices } from './metrics.js';
import type { Delivery, Sink } from './sink.js';

const DEFAULT_RETRY = { firstMs: 1_000, longestMs: 300_000 };
/** What a Retry-After may ask for at most: a clock that is wrong at the other end must not stop the alarm for good. */
const LONGEST_RETRY_AFTER_MS = 3_600_000;
/** Refusals of one notice before it is passed over: it may be what the receiver trips over, and others wait behind it. */
const MOST_REFUSALS = 8;

export interface DrainOptions {
  readonly ledger: Ledger;
  readonly sink: Sink;
  readonly log: Log;
  readonly metrics: NoticeMetrics;
  /** Waits between attempts: doubling from the first to the longest (default 1 s and 5 min), with jitter. */
  readonly retry?: { readonly firstMs: number; readonly longestMs: number } | undefined;
}

/**
 * Tells one sink what the ledger has for it, in order, and forgets each notice once it is told: at least once, whatever happens in
 * between. It runs beside ingestion and never holds it up.
 */
export class NoticeDrain {
  private readonly backOff: BackOff;
  private readonly aborted = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private closing = false;
  private gone = false;
  private woken = false;
  private readonly pause = new Pause();
  private failing: string | undefined;
  /** Told, and still to be deleted: the ledger may have failed in between. */
  private told: readonly number[] = [];

  constructor(private readonly options: DrainOptions) {
    const { firstMs, longestMs } = options.retry ?? DEFAULT_RETRY;
    this.backOff = new BackOff(firstMs, longestMs, Math.random);
    options.metrics.noticeSink(options.sink.name);
  }

  start(): void {
    this.running = this.run();
  }

  waiting(): WaitingNotices {
    const { ledger, sink } = this.options;
    return { sink: sink.name, notices: ledger.noticesWaiting(sink.name) };
  }

  /** There may be something to tell. */
  wake(): void {
    this.woken = true;
    this.pause.endIdle();
  }

  /** Tries at once what waits to be tried again. */
  hurry(): void {
    this.woken = true;
    this.pause.end();
  }

  /** Lets the attempt under way finish for at most `timeoutMs`; the rest stays in the ledger for the next start. */
  async close(timeoutMs: number): Promise<void> {
    this.closing = true;
    this.pause.end();
    const deadline = setTimeout(() => this.aborted.abort(), timeoutMs);
    await this.running;
    clearTimeout(deadline);
    await this.options.sink.close();
  }

  private async run(): Promise<void> {
    while (!this.closing && !this.gone) {
      try {
        await this.round();
      } catch (error) {
        // The ledger: a sink does not throw.
        await this.failed('ledger', error instanceof Error ? error.message : String(error));
      }
    }
  }

  private async round(): Promise<void> {
    const { ledger, sink } = this.options;
    if (this.told.length > 0) {
      ledger.dropNotices(this.told);
      this.told = [];
    }
    this.woken = false;
    const notices = ledger.notices(sink.name, sink.batch);
    if (notices.length === 0) {
      if (!this.woken && !this.closing) await this.pause.of(undefined);
      return;
    }
    const delivery = await sink.deliver(notices, this.aborted.signal);
    // What was cut off because the collector stops says nothing about the receiver.
    if (this.aborted.signal.aborted && delivery.type !== 'delivered') return;
    await this.conclude(notices, delivery);
  }

  private conclude(notices: readonly Notice[], delivery: Delivery): Promise<void> | undefined {
    const { sink, log, metrics } = this.options;
    switch (delivery.type) {
      case 'delivered':
        this.told = notices.map(({ id }) => id);
        metrics.noticesTold(sink.name, notices.length);
        if (this.failing !== undefined) log.info({ sink: sink.name }, 'findings are told again');
        this.failing = undefined;
        this.backOff.reset();
        return undefined;
      case 'retry':
        return this.failed(delivery.failure, delivery.reason, delivery.afterMs);
      case 'refused':
        return this.refused(notices, delivery.reason);
      case 'gone':
        this.gone = true;
        metrics.noticeFailed(sink.name, 'gone', 1);
        log.error(
          { sink: sink.name, reason: delivery.reason },
          'the receiver of findings wants no more of them: none are sent until the collector is started again; the ledger and the API have them',
        );
        return undefined;
      default:
        return delivery satisfies never;
    }
  }

  private refused(notices: readonly Notice[], reason: string): Promise<void> {
    const { ledger, sink, log, metrics } = this.options;
    const passedOver = notices.filter(({ id }) => ledger.countNoticeAttempt(id) >= MOST_REFUSALS);
    if (passedOver.length > 0) {
      ledger.dropNotices(passedOver.map(({ id }) => id));
      metrics.noticeFailed(sink.name, 'passed_over', passedOver.length);
      log.error(
        { sink: sink.name, reason, notices: passedOver.map(({ key }) => key) },
        'the receiver refuses a finding again and again: it is passed over; the ledger and the API have it',
      );
    }
    return this.failed('refused', reason);
  }

  private async failed(failure: NoticeFailure, reason: string, afterMs?: number): Promise<void> {
    this.options.metrics.noticeFailed(this.options.sink.name, failure, 1);
    const waitMs = Math.round(this.backOff.next(Math.min(afterMs ?? 0, LONGEST_RETRY_AFTER_MS)));
    // Once per kind of failure: a receiver that is down for a day must not fill the log.
    if (this.failing !== reason) {
      this.options.log.warn(
        { sink: this.options.sink.name, reason, waitMs },
        'findings cannot be told: tried again, the ledger keeps them',
      );
    }
    this.failing = reason;
    if (!this.closing) await this.pause.of(waitMs);
  }
}
