import type { EvidenceRecord } from './types.js';

/** The records at the head of a queue, oldest first. */
export interface Batch {
  readonly records: readonly EvidenceRecord[];
  /** Bytes that they take in the queue. */
  readonly size: number;
}

/** Records that wait for delivery, in the order in which they were appended. */
export interface Queue {
  readonly pendingBytes: number;
  /** The oldest records, at least one if there is any, else undefined; they stay until acknowledged. */
  peek(maxRecords: number, maxBytes: number): Batch | undefined;
  /** Takes the batch last peeked off the queue: delivered, or given up. */
  acknowledge(batch: Batch): void;
}

/** Why a record could not be kept; goes into the `loss` link as `custody.loss.reason`. */
export type KeepFailure = 'spool_full' | 'spool_write_failed' | 'memory_full' | 'channel_closed';

/** A queue in memory: what there is when no spool was asked for, or none can be had. */
export class MemoryQueue implements Queue {
  private readonly maxBytes: number;
  private records: EvidenceRecord[];
  private head = 0;
  pendingBytes: number;

  /** @param records taken over from a spool file; they are kept even beyond the bound */
  constructor(maxBytes: number, records: readonly EvidenceRecord[] = []) {
    this.maxBytes = maxBytes;
    this.records = [...records];
    this.pendingBytes = records.reduce((sum, record) => sum + record.bytes.length, 0);
  }

  append(record: EvidenceRecord): KeepFailure | undefined {
    if (this.pendingBytes + record.bytes.length > this.maxBytes) return 'memory_full';
    this.records.push(record);
    this.pendingBytes += record.bytes.length;
    return undefined;
  }

  peek(maxRecords: number, maxBytes: number): Batch | undefined {
    const records: EvidenceRecord[] = [];
    let size = 0;
    for (let at = this.head; at < this.records.length && records.length < maxRecords; at++) {
      const record = this.records[at] as EvidenceRecord;
      if (records.length > 0 && size + record.bytes.length > maxBytes) break;
      records.push(record);
      size += record.bytes.length;
    }
    return records.length === 0 ? undefined : { records, size };
  }

  acknowledge(batch: Batch): void {
    // Bytes are summed anew: a batch that was peeked from a spool file, which this queue took over from, counts its frames too.
    for (let i = 0; i < batch.records.length; i++) this.pendingBytes -= this.records[this.head++]?.bytes.length ?? 0;
    if (this.head === this.records.length || this.head > 1024) {
      this.records = this.records.slice(this.head);
      this.head = 0;
    }
  }
}
