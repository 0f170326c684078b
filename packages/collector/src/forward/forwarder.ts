import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { OutboxEntry } from '../ledger/ledger.js';
import { type Answer, readAnswer } from './answer.js';
import { BackOff } from './backoff.js';
import { Pause } from './pause.js';
import { Poster } from './post.js';
import { halve } from './split.js';
import type { Forwarder, ForwarderOptions } from './types.js';

const compress = promisify(gzip);

/** Well below the 20 MiB that receivers commonly take, and what Tempo keeps of one trace. */
const BATCH_BYTES = 4 << 20;
const BATCH_SPANS = 8_192;
const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_RETRY = { firstMs: 500, longestMs: 30_000 };
/** What a Retry-After may ask for at most: a clock that is wrong at the other end must not stop forwarding for good. */
const LONGEST_RETRY_AFTER_MS = 300_000;
/** Failures of the store on one batch before its content is suspected. */
const SUSPECT_AFTER = 5;

/**
 * Starts draining the outbox.
 *
 * Delivery is at least once: entries are deleted after the store has acknowledged them, so what was under way when the process was
 * killed, or when an answer was lost, goes out again. The deletion follows the answer at once, and nothing else is sent before it
 * is on disk: Tempo counts twice what comes twice.
 *
 * @example const forwarder = createForwarder({ ledger, url: 'http://127.0.0.1:4318/v1/traces', log, metrics });
 */
export function createForwarder(options: ForwarderOptions): Forwarder {
  const forwarder = new OutboxForwarder(options);
  forwarder.start();
  return forwarder;
}

class OutboxForwarder implements Forwarder {
  lastError: string | undefined;
  private readonly backOff: BackOff;
  private readonly poster: Poster;
  private readonly aborted = new AbortController();
  private closing = false;
  private running: Promise<void> = Promise.resolve();
  /** Ends the pause that is being taken, if any. */
  private readonly pause = new Pause();
  private woken = false;
  private retriedAside = false;
  /** Entries up to this one are delivered, also when deleting them has failed. */
  private delivered = 0;
  private undeleted: readonly number[] = [];
  /** Entries taken at a time while something among them is refused. */
  private narrow = Number.POSITIVE_INFINITY;
  private failures = 0;
  /** Something was taken since the last span was set aside: the store refuses that span, and not everything. */
  private proven = true;

  constructor(private readonly options: ForwarderOptions) {
    const { firstMs, longestMs } = options.retry ?? DEFAULT_RETRY;
    this.backOff = new BackOff(firstMs, longestMs, Math.random);
    this.poster = new Poster(new URL(options.url), options.tls);
  }

  start(): void {
    this.running = this.run();
  }

  wake(): void {
    this.woken = true;
    this.pause.endIdle();
  }

  async close(timeoutMs: number): Promise<void> {
    this.closing = true;
    this.pause.end();
    const deadline = setTimeout(() => this.aborted.abort(), timeoutMs);
    await this.running;
    clearTimeout(deadline);
    this.poster.close();
  }

  private async run(): Promise<void> {
    while (!this.closing) {
      try {
        await this.round();
      } catch (error) {
        // The ledger: nothing else here throws. What was sent is remembered in `delivered`, and deleted once it can be.
        this.options.metrics.failed('ledger');
        await this.fail(error instanceof Error ? error.message : String(error));
      }
    }
  }

  private async round(): Promise<void> {
    const { ledger } = this.options;
    if (!this.retriedAside) {
      // What was refused may have been refused by the wrong server: each start tries it once more, behind everything else.
      ledger.requeueAside();
      this.retriedAside = true;
    }
    if (this.undeleted.length > 0) {
      ledger.acknowledge(this.undeleted);
      this.undeleted = [];
    }
    this.woken = false;
    const head = ledger.outboxHead({ bytes: BATCH_BYTES, spans: BATCH_SPANS, after: this.delivered });
    const batch = head.slice(0, this.narrow);
    if (batch.length === 0) {
      if (!this.woken && !this.closing) await this.pause.of(undefined);
      return;
    }
    const answer = await this.send(batch);
    if (answer.type !== 'accepted') {
      // A request that was cut off because the collector stops says nothing about the store.
      if (this.aborted.signal.aborted) return;
      this.options.metrics.failed(answer.reason);
    }
    switch (answer.type) {
      case 'accepted':
        return this.accepted(batch, answer);
      case 'busy':
        return this.fail(answer.reason, answer.retryAfterMs);
      case 'failed':
        if (++this.failures < SUSPECT_AFTER) return this.fail(answer.reason, answer.retryAfterMs);
        return this.divide(batch, answer.reason);
      case 'refused':
        return this.divide(batch, answer.reason);
      case 'misconfigured':
        return this.fail(`${answer.reason}: check the URL and the headers to forward with`);
      default:
        return answer satisfies never;
    }
  }

  private async send(batch: readonly OutboxEntry[]): Promise<Answer> {
    const { headers, timeoutMs, compression = 'gzip' } = this.options;
    const requests = batch.map(({ request }) => request);
    const zipped = compression === 'gzip' ? [await compress(Buffer.concat(requests), { level: 1 })] : undefined;
    try {
      const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs ?? DEFAULT_TIMEOUT_MS), this.aborted.signal]);
      const described = { ...headers, 'content-type': 'application/x-protobuf', ...(zipped && { 'content-encoding': 'gzip' }) };
      // Requests laid end to end are one request.
      return readAnswer(await this.poster.post(zipped ?? requests, described, signal), Date.now());
    } catch (error) {
      if (error instanceof Error && error.name === 'TimeoutError') return { type: 'busy', reason: 'timeout', retryAfterMs: undefined };
      this.options.log.debug({ err: error }, 'the connection to forward over failed');
      return { type: 'busy', reason: 'network', retryAfterMs: undefined };
    }
  }

  private accepted(batch: readonly OutboxEntry[], { rejected, message }: Answer & { type: 'accepted' }): void {
    const { ledger, log, metrics } = this.options;
    const spans = batch.reduce((sum, entry) => sum + entry.spans, 0);
    const ids = batch.map((entry) => entry.id);
    this.delivered = ids.at(-1) ?? this.delivered;
    this.undeleted = ids;
    metrics.forwarded(Math.max(0, spans - rejected));
    if (rejected > 0) {
      metrics.failed('rejected');
      log.warn({ spans, rejected, message: message.slice(0, 200) }, 'spans were rejected where they were forwarded to');
    }
    if (this.lastError !== undefined) log.info({ spans }, 'forwarding goes on');
    this.lastError = undefined;
    this.failures = 0;
    this.backOff.reset();
    this.narrow *= 2;
    this.proven = true;
    ledger.acknowledge(ids);
    this.undeleted = [];
  }

  /** Takes less, until the one span is found that spoils a request; that one is kept out of the way of the rest. */
  private divide(batch: readonly OutboxEntry[], reason: string): Promise<void> | undefined {
    const { ledger, log, metrics } = this.options;
    this.failures = 0;
    const [first] = batch;
    if (first === undefined) return undefined;
    if (batch.length > 1) {
      this.narrow = Math.ceil(batch.length / 2);
      return undefined;
    }
    const parts = halve(first.request);
    if (parts.length > 1) {
      ledger.splitEntry(first.id, parts);
      return undefined;
    }
    // A server that refuses everything (the wrong one, or the wrong port of it) must not empty the outbox in no time.
    const waits = !this.proven;
    this.proven = false;
    ledger.setAside(first.id, reason);
    metrics.failed('set_aside');
    log.error(
      { entry: first.id, spans: first.spans, reason },
      'a span is refused where it is forwarded to: it is kept in the ledger, set aside',
    );
    return waits ? this.fail(reason) : undefined;
  }

  private async fail(reason: string, retryAfterMs?: number): Promise<void> {
    const waitMs = Math.round(this.backOff.next(Math.min(retryAfterMs ?? 0, LONGEST_RETRY_AFTER_MS)));
    // Once per kind of failure: a store that is down for a day must not fill the log.
    if (this.lastError !== reason)
      this.options.log.warn({ reason, waitMs }, 'forwarding does not succeed: it is tried again, the outbox keeps everything');
    this.lastError = reason;
    if (!this.closing) await this.pause.of(waitMs);
  }
}
