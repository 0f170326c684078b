import { mkdirSync } from 'node:fs';
import { encodeFrame, FRAME_OVERHEAD } from './frame.js';
import { type Batch, type KeepFailure, MemoryQueue, type Queue } from './queue.js';
import { fileTrouble, type SpoolContext, SpoolFile } from './spool-file.js';
import type { EvidenceRecord } from './types.js';

/** What {@link OwnQueue} tells its channel. */
interface OwnQueueEvents {
  /** A write failed. Called once for each spell of trouble. */
  onWriteFailed(path: string, why: string): void;
  /** The spool cannot be used any more; the queue goes on in memory. */
  onUnavailable(why: string): void;
  /** Records were in the spool file and cannot be read back. */
  onUnreadable(records: number): void;
}

/**
 * The records of this process, in its spool file; in memory from the moment that none can be had. It is here that the file is
 * changed for a new one: when its lease was lost, and when much of it is delivered but never all.
 */
export class OwnQueue implements Queue {
  private readonly context: SpoolContext | undefined;
  private readonly events: OwnQueueEvents;
  private readonly maxBytes: number;
  private store: SpoolFile | MemoryQueue;
  private renewAt = 0;
  private failing = false;
  /** Until then nothing is copied to save space: the last attempt found no room. */
  private stuckUntil = 0;
  /** Records appended, and records delivered or given up, since the queue was made. */
  appended = 0;
  settled = 0;

  /** Without `context` it keeps to memory. */
  constructor(context: SpoolContext | undefined, maxBytes: number, events: OwnQueueEvents) {
    this.context = context;
    this.maxBytes = maxBytes;
    this.events = events;
    this.store = new MemoryQueue(maxBytes);
    if (context === undefined) return;
    try {
      this.store = SpoolFile.create(context);
      this.scheduleRenewal(context);
    } catch (error) {
      events.onUnavailable(`${context.directory}: ${fileTrouble(error)}`);
    }
  }

  /** Path of the spool file, undefined when there is none. */
  get path(): string | undefined {
    return this.store instanceof SpoolFile ? this.store.path : undefined;
  }

  get pendingBytes(): number {
    return this.store.pendingBytes;
  }

  get pendingRecords(): number {
    return this.appended - this.settled;
  }

  /** Keeps a record, or says why it could not. */
  append(record: EvidenceRecord): KeepFailure | undefined {
    const failure = this.keep(record);
    if (failure === undefined) this.appended++;
    return failure;
  }

  private keep(record: EvidenceRecord): KeepFailure | undefined {
    const { context } = this;
    if (context === undefined || this.store instanceof MemoryQueue) return this.keepInMemory(record);
    if (context.runtime.now() >= this.renewAt) this.renew();
    const file: SpoolFile | MemoryQueue = this.store;
    if (!(file instanceof SpoolFile)) return this.keepInMemory(record);
    if (file.size + FRAME_OVERHEAD + record.bytes.length + record.session.length > this.maxBytes) return 'spool_full';
    const frame = encodeFrame(record);
    if (frame === undefined) return 'spool_write_failed';
    try {
      file.append(frame);
    } catch (error) {
      if (!this.failing) this.events.onWriteFailed(file.path, fileTrouble(error));
      this.failing = true;
      return 'spool_write_failed';
    }
    this.failing = false;
    // Suspended between the check and the write: another process may have read to the end by then. What is pending, this record
    // included, goes to a new file.
    if (context.runtime.now() >= file.leaseEnds) this.moveOn();
    return undefined;
  }

  private keepInMemory(record: EvidenceRecord): KeepFailure | undefined {
    return this.store instanceof MemoryQueue ? this.store.append({ ...record, bytes: new Uint8Array(record.bytes) }) : 'spool_write_failed';
  }

  /** Whether a record of so many bytes can be expected to be kept now. */
  hasRoom(bytes: number): boolean {
    if (this.store instanceof MemoryQueue) return this.store.pendingBytes + bytes <= this.maxBytes;
    return this.store.size + bytes <= this.maxBytes && (!this.failing || this.pendingRecords === 0);
  }

  peek(maxRecords: number, maxBytes: number): Batch | undefined {
    const batch = this.store.peek(maxRecords, maxBytes);
    if (batch === undefined && this.pendingRecords > 0) {
      const unreadable = this.pendingRecords;
      this.settled = this.appended;
      this.events.onUnreadable(unreadable);
    }
    return batch;
  }

  acknowledge(batch: Batch): void {
    this.store.acknowledge(batch);
    this.settled += batch.records.length;
    if (this.store instanceof SpoolFile && this.wastes(this.store)) this.moveOn();
  }

  /** Whether what is delivered takes so much of the file's bound that copying the rest is cheap beside it. */
  private wastes(file: SpoolFile): boolean {
    if (file.pendingBytes === 0 || (this.context?.runtime.now() ?? 0) < this.stuckUntil) return false;
    const delivered = file.size - file.pendingBytes;
    return delivered > this.maxBytes / 4 || (delivered > this.maxBytes / 16 && delivered > file.pendingBytes * 8);
  }

  /** Renews the lease of the file, or goes on in a new one when it was lost. */
  renew(): void {
    if (this.context === undefined || !(this.store instanceof SpoolFile)) return;
    if (this.store.renew()) this.scheduleRenewal(this.context);
    else this.moveOn();
  }

  private scheduleRenewal(context: SpoolContext): void {
    this.renewAt = context.runtime.now() + context.runtime.leaseMs / 3;
  }

  /** Takes what is pending to a new file. Where there is no room for one, keeps to the old while it has it, else to memory. */
  private moveOn(): void {
    const { context, store: old } = this;
    if (context === undefined || !(old instanceof SpoolFile)) return;
    this.scheduleRenewal(context);
    let next: SpoolFile | undefined;
    try {
      mkdirSync(context.directory, { recursive: true, mode: 0o700 });
      next = SpoolFile.create(context);
      old.copyPendingTo(next);
      this.store = next;
      old.remove();
    } catch (error) {
      next?.remove();
      next?.close();
      this.stuckUntil = context.runtime.now() + context.runtime.leaseMs;
      if (this.keepOld(old)) return;
      this.toMemory(old);
      this.events.onUnavailable(`${context.directory}: ${fileTrouble(error)}`);
    }
    old.close();
  }

  private keepOld(old: SpoolFile): boolean {
    if (!old.hasName()) return false;
    try {
      old.takeLease();
      return true;
    } catch {
      return false;
    }
  }

  private toMemory(old: SpoolFile): void {
    const records: EvidenceRecord[] = [];
    for (let batch = old.peek(512, 1 << 20); batch !== undefined; batch = old.peek(512, 1 << 20)) {
      records.push(...batch.records);
      // Not acknowledged on disk: the file has another owner, who is to deliver it.
      old.advance(batch);
    }
    this.store = new MemoryQueue(this.maxBytes, records);
  }

  /** At exit: the next start may have what is left at once. An append that still comes opens a new file. */
  giveUp(): void {
    if (!(this.store instanceof SpoolFile)) return;
    this.store.giveUp();
    this.renewAt = 0;
  }

  /** Ends the queue's use; only its state may be read then. */
  close(): void {
    this.giveUp();
    if (this.store instanceof SpoolFile) this.store.close();
  }
}
