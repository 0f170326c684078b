import { Adoption } from './adoption.js';
import { Delivery, type DeliveryEvents, type RejectedRecords } from './delivery.js';
import { messageOf } from './errors.js';
import { destinationOf } from './header.js';
import { LossBook } from './losses.js';
import { OwnQueue } from './own-queue.js';
import { createPoster, type Poster, parseUrl } from './post.js';
import type { KeepFailure, Queue } from './queue.js';
import { type EvidenceRuntime, systemRuntime } from './runtime.js';
import { defaultSpoolDirectory, privateDirectory } from './spool-directory.js';
import type { SpoolContext } from './spool-file.js';
import type { EvidenceChannel, EvidenceLog, EvidenceOptions, EvidenceRecord, EvidenceState } from './types.js';

const DEFAULT_SPOOL_BYTES = 64 << 20;
const DEFAULT_TIMEOUT_MS = 10_000;
/** What a loss link may take in the spool; declarations wait until there is room for one. */
const DECLARATION_BYTES = 4096;

/**
 * Opens the way of the links to the collector: a spool file for this process and a loop that posts what is in it. What earlier
 * processes left in the spool directory is delivered beside it. Nothing of it keeps the process alive but a flush or close that
 * is under way.
 *
 * A spool that cannot be had is no error: the channel warns, keeps to memory, and says `unavailable` in its state.
 *
 * @param runtime clock, timers and randomness
 * @throws EvidenceError `invalid_url`
 * @example
 * const channel = createEvidenceChannel({ url: 'http://127.0.0.1:4318/v1/traces', durability: 'spool', log, onLoss });
 */
export function createEvidenceChannel(options: EvidenceOptions, runtime: EvidenceRuntime = systemRuntime): EvidenceChannel {
  return new Channel(options, runtime);
}

/** Somebody who waits until so many records of ours are settled. */
interface Waiter {
  readonly settled: number;
  readonly endsOnTrouble: boolean;
  end(): void;
}

class Channel implements EvidenceChannel {
  private readonly options: EvidenceOptions;
  private readonly runtime: EvidenceRuntime;
  private readonly poster: Poster;
  private readonly own: OwnQueue;
  private readonly delivery: Delivery;
  private readonly adoption: Adoption | undefined;
  private readonly losses = new LossBook();
  /** Sessions whose loss came from a lack of room, which may end without a word from them. */
  private readonly awaitingRoom = new Set<string>();
  private readonly waiters = new Set<Waiter>();
  private readonly giveUp = (): void => {
    this.own.giveUp();
    this.adoption?.giveUp();
  };
  private cancelRenewal: () => void = () => {};
  private closing: Promise<void> | undefined;
  private closed = false;
  private declaring = false;
  private losing = false;
  private notKept = 0;
  private ownLost = 0;
  private ownLostAtFlush = 0;
  private adoptedLost = 0;
  private lastError: string | undefined;

  constructor(options: EvidenceOptions, runtime: EvidenceRuntime) {
    this.options = options;
    this.runtime = runtime;
    const url = parseUrl(options.url);
    this.poster = createPoster({
      url,
      headers: options.headers ?? {},
      timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      compression: options.compression ?? 'none',
      runtime,
    });
    const maxBytes = options.maxSpoolBytes ?? DEFAULT_SPOOL_BYTES;
    const context = options.durability === 'spool' ? this.openDirectory(url, maxBytes) : undefined;
    this.own = new OwnQueue(context, maxBytes, {
      onWriteFailed: (path, why) => this.trouble(`spool file ${path}: ${why}`),
      onUnavailable: (why) => this.unavailable(why),
      onUnreadable: (records) => {
        this.ownLost += records;
        this.trouble(`${records} records in the spool file of this process cannot be read back`);
        this.onSettled();
      },
    });
    this.delivery = this.deliveryOf(this.own, 'lost');
    void this.delivery.run();
    if (context === undefined) return;
    this.adoption = new Adoption({
      context,
      ownPath: () => this.own.path,
      deliveryOf: (queue) => this.deliveryOf(queue, 'left'),
      log: (level, message) => this.log(level, message),
    });
    void this.adoption.run();
    this.renewRegularly();
    process.once('exit', this.giveUp);
  }

  get state(): EvidenceState {
    return {
      spool: this.options.durability === 'memory' ? 'memory' : (this.own.path ?? 'unavailable'),
      pendingBytes: this.own.pendingBytes + (this.adoption?.pendingBytes ?? 0),
      lost: this.ownLost + this.adoptedLost,
      ...(this.lastError === undefined ? {} : { lastError: this.lastError }),
    };
  }

  append(record: EvidenceRecord): boolean {
    try {
      const failure = this.closed ? 'channel_closed' : this.own.append(record);
      if (failure !== undefined) {
        this.lose(record, failure);
        return false;
      }
      this.delivery.wake();
      this.losing = false;
      if (!this.losses.isEmpty) this.declare(record.session);
      return true;
    } catch (error) {
      this.trouble(`session ${record.session}, link ${record.seq}: ${messageOf(error)}`);
      this.lose(record, 'spool_write_failed');
      return false;
    }
  }

  async flush(timeoutMs: number): Promise<{ delivered: boolean; pending: number }> {
    const { appended } = this.own;
    const lostBefore = this.ownLostAtFlush;
    this.delivery.hurry();
    await this.settled(appended, timeoutMs, false);
    const pending = Math.max(0, appended - this.own.settled);
    this.ownLostAtFlush = this.ownLost;
    return { delivered: pending === 0 && this.ownLost === lostBefore, pending };
  }

  close(timeoutMs: number): Promise<void> {
    this.closing ??= this.shutDown(timeoutMs);
    return this.closing;
  }

  private async shutDown(timeoutMs: number): Promise<void> {
    // What is in a spool file is safe: when the collector doesn't take it at once, the process need not wait. Memory is not.
    const safe = this.own.path !== undefined;
    if (this.delivery.hurry() || !safe) await this.settled(this.own.appended, timeoutMs, safe);
    this.closed = true;
    process.off('exit', this.giveUp);
    this.cancelRenewal();
    this.delivery.stop();
    this.adoption?.stop();
    this.poster.close();
    if (this.own.path === undefined && this.own.pendingRecords > 0) {
      this.ownLost += this.own.pendingRecords;
      this.trouble(`${this.own.pendingRecords} records in memory were not delivered before the end and are lost`);
    }
    this.own.close();
  }

  /** Resolves when so many records are settled, the time is over, or, if asked for, an attempt has failed. */
  private settled(settled: number, timeoutMs: number, endsOnTrouble: boolean): Promise<void> {
    if (this.own.settled >= settled || timeoutMs <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        this.waiters.delete(waiter);
        resolve();
      };
      const cancel = this.runtime.after(timeoutMs, end, 'hold');
      const waiter: Waiter = { settled, endsOnTrouble, end };
      this.waiters.add(waiter);
    });
  }

  private deliveryOf(queue: Queue, rejected: RejectedRecords): Delivery {
    const isOwn = queue === this.own;
    const what = isOwn ? 'evidence' : 'evidence of an earlier process';
    const events: DeliveryEvents = {
      onSettled: () => this.onSettled(),
      onRefused: (records, why) => {
        const [first] = records;
        this.trouble(`${why}; ${records.length} records are lost, the first is link ${first?.seq} of session ${first?.session}`);
        if (!isOwn) this.adoptedLost += records.length;
        else for (const record of records) this.note(record, 'refused');
      },
      onTrouble: (why, attempts) => {
        const message = `${what} is not delivered yet: ${why}; trying again`;
        this.lastError = message;
        this.log(attempts === 1 ? 'warn' : 'debug', message);
        if (isOwn) for (const waiter of this.waiters) if (waiter.endsOnTrouble) waiter.end();
      },
      onRecovered: (attempts) => this.log('info', `${what} is delivered again after ${attempts} failed attempts`),
      onWarning: (message) => this.log('warn', `the collector says: ${message}`),
    };
    return new Delivery({ queue, poster: this.poster, runtime: this.runtime, events, rejected, follow: isOwn });
  }

  private onSettled(): void {
    for (const waiter of this.waiters) if (this.own.settled >= waiter.settled) waiter.end();
    for (const session of [...this.awaitingRoom]) {
      if (!this.own.hasRoom(DECLARATION_BYTES)) return;
      this.declare(session);
    }
  }

  private lose(record: EvidenceRecord, failure: KeepFailure): void {
    this.notKept++;
    this.note(record, failure);
    if (failure !== 'channel_closed') this.awaitingRoom.add(record.session);
    if (!this.losing) this.trouble(`link ${record.seq} of session ${record.session} could not be kept: ${failure}`);
    this.losing = true;
  }

  private note({ session, seq }: EvidenceRecord, reason: string): void {
    this.ownLost++;
    const forgotten = this.losses.note({ session, first: seq, last: seq, reason });
    if (forgotten !== undefined) this.awaitingRoom.delete(forgotten);
  }

  /**
   * Gives the losses of a session to it. Appends made meanwhile don't lead here again: a collector that refuses whatever this
   * agent sends would otherwise be sent loss upon loss. A declaration that cannot be kept leaves its loss to be declared.
   */
  private declare(session: string): void {
    if (this.declaring) return;
    this.declaring = true;
    this.awaitingRoom.delete(session);
    const losses = this.losses.take(session);
    while (losses.length > 0 && this.tell(losses[0] as (typeof losses)[0])) losses.shift();
    for (const loss of losses) this.losses.note(loss);
    if (losses.length > 0) this.awaitingRoom.add(session);
    this.declaring = false;
  }

  /** False when what the session appended on being told could not be kept. */
  private tell(loss: Parameters<EvidenceOptions['onLoss']>[0]): boolean {
    const before = this.notKept;
    try {
      this.options.onLoss(loss);
    } catch (error) {
      this.trouble(`declaring the loss of links ${loss.first} to ${loss.last} of session ${loss.session}: ${messageOf(error)}`);
    }
    return this.notKept === before;
  }

  private openDirectory(url: URL, maxBytes: number): SpoolContext | undefined {
    try {
      return {
        directory: privateDirectory(this.options.spoolDirectory ?? defaultSpoolDirectory()),
        destination: destinationOf(url),
        runtime: this.runtime,
        cutBackAbove: Math.min(1 << 18, maxBytes / 4),
        onSkipped: (path, bytes) =>
          this.log('warn', `spool file ${path}: ${bytes} bytes hold no whole record (torn or damaged) and are passed over`),
      };
    } catch (error) {
      this.unavailable(messageOf(error));
      return undefined;
    }
  }

  private renewRegularly(): void {
    this.cancelRenewal = this.runtime.after(this.runtime.leaseMs / 3, () => {
      try {
        this.own.renew();
        this.adoption?.renew();
      } catch (error) {
        this.trouble(`renewing the lease of the spool file: ${messageOf(error)}`);
      }
      this.renewRegularly();
    });
  }

  private unavailable(why: string): void {
    this.trouble(`no spool: ${why}. Evidence is kept in memory and does not survive this process`);
  }

  private trouble(message: string): void {
    this.lastError = message;
    this.log('warn', message);
  }

  private log(...entry: Parameters<EvidenceLog>): void {
    try {
      this.options.log(...entry);
    } catch {
      // A logger that throws must not reach the agent, nor end the delivery.
    }
  }
}
