import { backoffMs, type Meaning, meaningOf } from './answer.js';
import { messageOf } from './errors.js';
import type { Poster } from './post.js';
import type { Batch, Queue } from './queue.js';
import type { EvidenceRuntime } from './runtime.js';
import type { EvidenceRecord } from './types.js';

const MAX_RECORDS = 512;
const MAX_BYTES = 1 << 20;
/** How long the first record of a batch waits for company: requests cost the collector an fsync each. */
const LINGER_MS = 50;

/** What {@link Delivery} tells its channel. */
export interface DeliveryEvents {
  /** Records left the queue, delivered or given up. */
  onSettled(): void;
  /** The collector will not take these. */
  onRefused(records: readonly EvidenceRecord[], why: string): void;
  /** An attempt failed and will be made again. */
  onTrouble(why: string, attempts: number): void;
  /** An attempt succeeded after others had failed. */
  onRecovered(attempts: number): void;
  onWarning(message: string): void;
}

/**
 * What becomes of records that the collector rejects by partial_success. Those of this process's own are lost, there is nobody
 * else to send them. Those of an adopted file may be another agent's, and our token bound to ours: they are left where they are.
 */
export type RejectedRecords = 'lost' | 'left';

interface DeliveryOptions {
  readonly queue: Queue;
  readonly poster: Poster;
  readonly runtime: EvidenceRuntime;
  readonly events: DeliveryEvents;
  readonly rejected: RejectedRecords;
  /** Whether to wait for more once the queue is empty. */
  readonly follow: boolean;
}

/** Ends a pause: `append` by anything, `hurry` by a flush or the end, `end` by the end alone. */
type Until = 'append' | 'hurry' | 'end';

/** Posts the records of a queue in order, a later batch not before the earlier one was answered for (SPEC.md, Spans). */
export class Delivery {
  private readonly options: DeliveryOptions;
  private pause: { readonly until: Until; readonly end: () => void } | undefined;
  private hurried = false;
  private stopped = false;
  private limit = MAX_RECORDS;
  private attempts = 0;

  constructor(options: DeliveryOptions) {
    this.options = options;
  }

  /** Something was appended. */
  wake(): void {
    if (this.pause?.until === 'append') this.pause.end();
  }

  /** Sends now what would wait for company or for the next attempt; false when the collector named a time that must be kept. */
  hurry(): boolean {
    this.hurried = true;
    if (this.pause?.until === 'end') return false;
    this.pause?.end();
    return true;
  }

  stop(): void {
    this.stopped = true;
    this.pause?.end();
  }

  /** Resolves with `drained` (unless it follows), `left` when records were left where they are, or `stopped`. Never rejects. */
  async run(): Promise<'drained' | 'left' | 'stopped'> {
    while (!this.stopped) {
      try {
        const end = await this.step();
        if (end !== undefined) return end;
      } catch (error) {
        // Neither the network nor the disk leads here; whatever does must not end the delivery.
        await this.waitToRetry({ type: 'later', why: messageOf(error) });
      }
    }
    return 'stopped';
  }

  private async step(): Promise<'drained' | 'left' | undefined> {
    const batch = this.options.queue.peek(this.limit, MAX_BYTES);
    if (batch === undefined) return this.options.follow ? this.waitForRecords() : 'drained';
    const meaning = await this.attempt(batch);
    if (this.stopped) return undefined;
    return meaning.type === 'later' ? this.waitToRetry(meaning) : this.settle(batch, meaning);
  }

  private async attempt(batch: Batch): Promise<Meaning> {
    try {
      const answer = await this.options.poster.post(batch.records.map((record) => record.bytes));
      return meaningOf(answer, this.attempts, this.options.runtime.now());
    } catch (error) {
      return { type: 'later', why: messageOf(error) || String((error as NodeJS.ErrnoException).code) };
    }
  }

  private settle(batch: Batch, meaning: Exclude<Meaning, { type: 'later' }>): 'left' | undefined {
    const { queue, events } = this.options;
    if (this.attempts > 0) events.onRecovered(this.attempts);
    this.attempts = 0;
    switch (meaning.type) {
      case 'accepted':
        if (meaning.warning !== undefined) events.onWarning(meaning.warning);
        this.limit = Math.min(this.limit * 2, MAX_RECORDS);
        break;
      case 'partly':
        // A record holds one span, so a count as large as the batch means all of them. Otherwise smaller batches show which
        // ones: what the collector has taken already is a duplicate to it.
        if (meaning.rejected < BigInt(batch.records.length)) return this.narrow(batch);
        if (this.options.rejected === 'left') return 'left';
        events.onRefused(batch.records, meaning.why);
        break;
      case 'refused':
        if (batch.records.length > 1) return this.narrow(batch);
        events.onRefused(batch.records, meaning.why);
        break;
    }
    queue.acknowledge(batch);
    events.onSettled();
    return undefined;
  }

  private narrow(batch: Batch): undefined {
    this.limit = Math.ceil(batch.records.length / 2);
    return undefined;
  }

  private async waitForRecords(): Promise<undefined> {
    this.hurried = false;
    await this.wait(undefined, 'append');
    if (!this.hurried && !this.stopped) await this.wait(LINGER_MS, 'hurry');
    return undefined;
  }

  private async waitToRetry(meaning: Extract<Meaning, { type: 'later' }>): Promise<undefined> {
    const { runtime, events } = this.options;
    const ms = meaning.afterMs ?? backoffMs(this.attempts, runtime.random());
    this.attempts++;
    events.onTrouble(meaning.why, this.attempts);
    await this.wait(ms, meaning.afterMs === undefined ? 'hurry' : 'end');
    return undefined;
  }

  private wait(ms: number | undefined, until: Until): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        cancel?.();
        this.pause = undefined;
        resolve();
      };
      const cancel = ms === undefined ? undefined : this.options.runtime.after(ms, end);
      this.pause = { until, end };
    });
  }
}
