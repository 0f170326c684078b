import type { Finding, Hashing, Limits, LinkStatus, Register, SessionReport } from '@agent-custody/chain';
import type { Act, Ledger, Page, PageRequest, Pruning, RecordedFinding, RecordedLink, SessionRow, VerdictCount } from '../ledger/ledger.js';
import type { Caller, IngestAnswer } from '../receive/types.js';
import type { Scanned } from '../scan/types.js';
import type { SessionUpdate } from './sessions.js';

/** Time as an input. Waits run on the monotonic scale, records carry the wall clock. */
export interface Clock {
  /** Unix ms. */
  now(): number;
  /** ms on a scale that never jumps. */
  monotonic(): number;
}

/** The part of pino's interface that the collector's parts log through. Never given arguments, results or reasons. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What the engine counts. */
export interface EngineMetrics {
  /** Spans of accepted requests, links or not. */
  spansReceived(count: number): void;
  /** A link that was kept; `kind` is one of the format's, or `unknown`: an agent cannot make up series. */
  link(kind: string, status: LinkStatus): void;
  /** A finding's first report. */
  finding(finding: Finding): void;
  duplicate(): void;
}

/** A finding that a transaction put on record, or marked healed. */
export interface ReportedFinding {
  readonly finding: Finding;
  /** It was not on record before. */
  readonly first: boolean;
}

/** Told what each transaction brought about, once it is durable. Must not throw. */
export interface CommitListener {
  /** @param atMs wall clock of the transaction, Unix ms */
  committed(findings: readonly ReportedFinding[], sessions: readonly SessionUpdate[], atMs: number): void;
}

/** Told of each finding that is new, has healed or is back. */
export interface Notices {
  /** Inside the transaction that records it: what is to be told on is written to the ledger, and with it or not at all. */
  note(finding: Finding, session: SessionRow | undefined, atMs: number): void;
  /** After that transaction. */
  wake(): void;
}

/** Told of each session that a transaction brought something of. */
export interface SessionUpdates {
  /** Inside that transaction: what is written to the ledger becomes durable with it, or not at all. */
  updated(update: SessionUpdate, nowMs: number): void;
}

/** What reading a session back from the trace store has shown. */
export interface ReadBack {
  readonly session: string;
  /** Places that the store does not hold as they are on record: `tempo_divergence`. */
  readonly diverged: readonly Pick<Finding, 'seq' | 'detail' | 'traceId' | 'spanId'>[];
  /** Places of such findings that it holds again. */
  readonly healed: readonly number[];
  /** OTLP requests to forward once more. */
  readonly again: readonly { readonly request: Uint8Array; readonly spans: number }[];
  /** What else is written with it. */
  readonly note: () => void;
}

export interface EngineOptions {
  readonly ledger: Ledger;
  readonly hashing: Hashing;
  readonly log: Log;
  readonly metrics: EngineMetrics;
  /** Of the verifier. */
  readonly limits?: Partial<Limits>;
  readonly register?: Register;
  /** Told whenever the outbox has grown. Absent: the outbox is off and nothing is kept for forwarding. */
  readonly forwarder?: { wake(): void } | undefined;
  readonly clock?: Clock;
  readonly listener?: CommitListener;
  readonly notices?: Notices | undefined;
  readonly updates?: SessionUpdates | undefined;
  /** Sessions whose verifier state stays in memory (default 10 000); the longest untouched are loaded again when a link comes. */
  readonly sessionsInMemory?: number;
  /** Spans of requests that wait for a commit (default 50 000); beyond it requests are answered `busy`. */
  readonly pendingSpans?: number;
}

/** Whether the engine can take spans now, and why not. */
export type Readiness = { readonly ready: true } | { readonly ready: false; readonly reason: string };

/** Verifies, records and queues for forwarding; the one writer of the ledger. */
export interface Engine {
  /**
   * Takes the spans of one request. Resolves `accepted` once links, findings and the outgoing batch are durable. Requests that
   * arrive together share one commit. Never rejects.
   */
  ingest(scanned: Scanned, caller: Caller): Promise<IngestAnswer>;
  /** Lets time pass: grace periods and idle limits. To be called about once a second. Never throws. */
  tick(): void;
  /**
   * Puts a register into force and queues a `register {agent}` span for each entry that was not announced before, written or
   * withdrawn; as soon as the ledger can be written, if it cannot now. Never throws.
   */
  registerChanged(register: Register): void;
  /** Puts on record what reading a session back has shown, all of it in one transaction. @throws LedgerError: then nothing of it is */
  readBack(readBack: ReadBack): void;
  readiness(): Readiness;
  /** As of the last tick; undefined for a session of which nothing was received. */
  report(session: string): SessionReport | undefined;
  /** Newest first. @throws LedgerError `bad_cursor` */
  reports(page: PageRequest): Page<SessionReport>;
  /** Every copy of a session's links, ascending by seq. */
  /** From this seq on, so many copies at most; all by default. */
  links(session: string, from?: number, limit?: number): readonly RecordedLink[];
  /** Newest first. @throws LedgerError `bad_cursor` */
  findings(page: PageRequest): Page<RecordedFinding>;
  /**
   * Removes sessions whose last link came before `act.beforeMs`, `limit` at most (see the ledger's `prune`).
   *
   * @returns undefined when there was none
   * @throws LedgerError
   */
  prune(limit: number, act: Act & { readonly beforeMs: number }): Pruning | undefined;
  /** For the gauge `custody_sessions`. */
  verdictCounts(): readonly VerdictCount[];
  /** Commits what is pending, then takes nothing more. The ledger stays open: it is the caller's. */
  close(): Promise<void>;
}
