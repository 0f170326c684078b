/** Where the evidence goes and how it is kept until it is there. */
export interface EvidenceOptions {
  /** The full `…/v1/traces` URL, http or https. */
  readonly url: string;
  /** Sent with every request; never logged, it may hold a token. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Directory of the spool files; default: `agent-custody/spool` in the user's state directory. */
  readonly spoolDirectory?: string;
  /** What is in a `spool` survives the death of the process (SIGKILL too), not of the machine: nothing waits for the disk. */
  readonly durability: 'memory' | 'spool';
  /** Bound on what waits for delivery, in bytes; default 64 MiB. */
  readonly maxSpoolBytes?: number;
  /** For one request, in milliseconds; default 10000. */
  readonly timeoutMs?: number;
  /** Default `none`. */
  readonly compression?: 'gzip' | 'none';
  readonly log: EvidenceLog;
  /** Called when a later record of a session that lost some can be kept, so that the session can declare the loss. */
  onLoss(loss: EvidenceLoss): void;
}

export type EvidenceLog = (level: 'warn' | 'info' | 'debug', message: string) => void;

/** Links of one session that will never reach the collector. */
export interface EvidenceLoss {
  /** `custody.session.id`. */
  readonly session: string;
  /** `custody.link.seq` of the first and the last of the links lost, both included. */
  readonly first: number;
  readonly last: number;
  /** A short snake_case word, such as `spool_full`. */
  readonly reason: string;
}

export interface EvidenceRecord {
  /** `custody.session.id`. */
  readonly session: string;
  /** `custody.link.seq`. */
  readonly seq: number;
  /** One complete ExportTraceServiceRequest, protobuf. */
  readonly bytes: Uint8Array;
}

export interface EvidenceState {
  /** Path of this process's spool file, `memory` when none was asked for, `unavailable` when one was and cannot be had. */
  readonly spool: string | 'memory' | 'unavailable';
  /** Bytes of records that are kept but not delivered yet, those of adopted files included. */
  readonly pendingBytes: number;
  /** Records that will never be delivered, since the channel was made. */
  readonly lost: number;
  /** What last went wrong; absent when nothing did. */
  readonly lastError?: string;
}

/** The way of the links to the collector, independent of the application's sampler, limits and processors. */
export interface EvidenceChannel {
  /**
   * Synchronous. True: the record is in the spool file (`spool`) or in memory (`memory`). False: it could not be kept; the loss
   * is noted, and given to `onLoss` when a later record of that session can be kept. Never throws.
   */
  append(record: EvidenceRecord): boolean;
  /**
   * Resolves when all that was appended so far is delivered or given up, or the time is over; never rejects. `delivered` is false
   * when some of it is `pending`, and when records of this process were lost since the flush before.
   */
  flush(timeoutMs: number): Promise<{ delivered: boolean; pending: number }>;
  /** Flushes, then lets go of the spool file; what is left in it is delivered by the next start. Never rejects. */
  close(timeoutMs: number): Promise<void>;
  readonly state: EvidenceState;
}
