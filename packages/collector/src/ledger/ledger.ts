import type { Finding, LinkCopy, LinkStatus, Records, Verdict } from '@agent-custody/chain';
import type { ApprovalStore } from '../approvals/store.js';
import type { ReadBackStore } from '../tempo/reconcile/store.js';

/**
 * The evidence store: every copy of every link that was accepted, what the verifier found, and what still has to reach Tempo.
 * The ledger is the evidence; Tempo and Grafana are views of it.
 *
 * What every implementation must hold to:
 *
 * - One process writes it. Opening a ledger that another live process has open for writing fails with `in_use`; a process that
 *   was killed holds nothing.
 * - All writes of one {@link transaction} become visible together or not at all, also across a power cut. When `transaction`
 *   returns, they are on disk: the collector answers 200 after that, never before.
 * - Reads see the writes of the transaction that is running (what the verifier relies on, see chain's `Records`).
 * - Links are never deleted or changed, findings never deleted, but by {@link prune} and {@link erase}, which put on record what
 *   they did; of a finding only `healed` changes, and its detail with it. Outbox entries are deleted once acknowledged, and for no
 *   other reason.
 * - Pages are newest first and stable: a row keeps its place, so following cursors neither repeats nor skips one, whatever is
 *   written in between.
 * - Failures of the machine are a {@link LedgerError}; after one inside a transaction nothing of that transaction is on record.
 *
 * Calls are synchronous: the verifier's look-ups are, and a commit blocks nothing that could go on without it.
 */
export interface Ledger extends Records {
  /** Runs `work` as one transaction. Whatever `work` throws is thrown on, after the roll-back. Does not nest. */
  transaction<T>(work: () => T): T;

  /** Every copy of every link, those of one session in the order of arrival: what an offline check reads. */
  allLinks(): Iterable<LinkCopy>;

  /**
   * Takes a finding on record; its identity is (session, code, seq). Answers `new` when there was none, `changed` when `healed`
   * differs from what was on record, `known` otherwise (nothing is written then).
   *
   * @param atMs wall clock, Unix ms
   */
  recordFinding(finding: Finding, atMs: number): 'new' | 'changed' | 'known';
  /** Findings by the time of their first report, newest first. @throws LedgerError `bad_cursor` */
  findingsPage(page: PageRequest): Page<RecordedFinding>;

  session(session: string): SessionRow | undefined;
  /** Creates or replaces the summary of a session. */
  saveSession(row: SessionRow): void;
  /** Sessions by when they were first seen, newest first. @throws LedgerError `bad_cursor` */
  sessionsPage(page: PageRequest): Page<SessionRow>;
  /** Ids of the sessions saved with `waiting: true`: those that time may still say something about. */
  waitingSessions(): readonly string[];
  /** How many sessions there are of each verdict. */
  verdictCounts(): readonly VerdictCount[];

  /** Keeps a link's span until the verifier releases it. `request` is one OTLP request with that span alone. */
  hold(session: string, seq: number, request: Uint8Array): void;
  /** Hands out and forgets what was held for a link, in the order of arrival. */
  takeHeld(session: string, seq: number): readonly Uint8Array[];
  /** For which links of a session anything is held. */
  heldLinks(session: string): readonly number[];
  /** The sessions for which anything is held. */
  heldSessions(): readonly string[];

  /**
   * Appends an OTLP request to the outbox.
   *
   * @param packed what unpacks to the same spans with the same statuses (scan/packed.ts), to be kept on disk in its place
   */
  enqueue(request: Uint8Array, spans: number, packed?: Uint8Array): void;
  /**
   * The oldest entries of the outbox that are not set aside, with an id above `after`: at least one if there is any, then as many
   * as stay within both bounds.
   */
  outboxHead(bounds: { readonly bytes: number; readonly spans: number; readonly after: number }): readonly OutboxEntry[];
  /** Forgets entries that were delivered. */
  acknowledge(ids: readonly number[]): void;
  /** Replaces an entry by its parts, which go to the end of the outbox. */
  splitEntry(id: number, parts: readonly { readonly request: Uint8Array; readonly spans: number }[]): void;
  /** Keeps an entry that the receiver will not have, out of the way of the rest. */
  setAside(id: number, reason: string): void;
  /** Puts everything that was set aside back to the end of the outbox. */
  requeueAside(): void;
  /** Every request that was not delivered: in the outbox, set aside, or held for a link. One may come twice. */
  undelivered(): Iterable<Uint8Array>;
  /** The numbers of the oldest and the newest entry that waits, rising in the order of arrival; undefined when nothing does. */
  outboxRange(): { readonly oldest: number; readonly newest: number } | undefined;
  /** Spans waiting in the outbox, and those set aside. Held ones are in neither. */
  outboxSize(): { readonly spans: number; readonly aside: number };

  /** Requests for approval and what became of them. */
  readonly approvals: ApprovalStore;

  /** Which sessions are to be read back from Tempo. */
  readonly readBacks: ReadBackStore;

  /** Remembers that a register entry was announced under `key`; false when it was known already. */
  noteRegisterEntry(key: string): boolean;

  /** Appends a notice. Beyond a bound the sink's oldest go. @returns how many went */
  addNotice(notice: NewNotice): number;
  /** The oldest notices of a sink. */
  notices(sink: string, limit: number): readonly Notice[];
  noticesWaiting(sink: string): number;
  /** Forgets notices that were told, or are passed over. */
  dropNotices(ids: readonly number[]): void;
  /** Counts an attempt to tell a notice. @returns attempts so far */
  countNoticeAttempt(id: number): number;

  /** Notes that the collector is receiving, or has stopped to; the first call of a process begins a run. @param atMs Unix ms */
  noteRun(atMs: number, state: 'receiving' | 'stopped'): void;
  /** Every run, oldest first. */
  runs(): readonly Run[];

  /**
   * Sessions of which the last link came before `beforeMs` and about which the passing of time says nothing more, longest ago
   * first: what {@link prune} may take.
   */
  prunable(beforeMs: number, limit: number): readonly string[];
  /**
   * Removes sessions: links, findings, summaries. What sessions that stay look up of them is kept ({@link kin}), so that nothing is
   * found missing that was not missing before.
   */
  prune(sessions: readonly string[], act: Act & { readonly beforeMs: number }): Pruning;
  /** What is known of a session that was pruned. */
  prunedSession(session: string): PrunedSession | undefined;
  /** The sessions of one pruning, by id. */
  prunedBy(disposition: number): readonly PrunedSession[];
  /**
   * Removes content and salts of a session from its links and, by `rewrite`, from the spans that wait; the links stay, and with
   * them every hash. Undefined when the ledger holds nothing of it. The bytes are gone after {@link compact}.
   *
   * @param rewrite one OTLP request without the session's content; undefined when it holds nothing of it
   */
  erase(session: string, act: Act, rewrite: (request: Uint8Array) => Rewritten | undefined): Erasure | undefined;
  /** What was removed from the ledger, oldest first: a chain of its own, see {@link Disposed}. */
  dispositions(): readonly Disposed[];
  /** Links of sessions that are not here, which those that are here look up. Never among {@link links} and {@link allLinks}. */
  kin(): Iterable<Kin>;
  /** Takes such a link over from another ledger. */
  keepKin(kin: Kin): void;
  /** Writes the file anew without what was removed. Takes as long as copying it, and as much room. */
  compact(): void;

  /** Writes something and makes it durable: throws what a transaction would throw on the same machine now. */
  probe(): void;
  /** Bytes used on disk. */
  bytes(): number;
  /** Lets go of the file. Safe to call twice. */
  close(): void;
}

/** A copy of a link as it is shown. */
export interface RecordedLink {
  readonly link: LinkCopy;
  /**
   * By all that is on record now: `broken` when a finding against integrity speaks of it, `held` when its predecessor is missing,
   * else `linked`. (The status that went to Tempo is as of forwarding.)
   */
  readonly status: LinkStatus;
}

export interface RecordedFinding extends Finding {
  /** When it was first reported, Unix ms. */
  readonly reportedAtMs: number;
}

/** What the collector keeps of a session beside its links: enough to list it and to tell about it without reading the chain. */
export interface SessionRow extends Verdict {
  readonly session: string;
  /** `gen_ai.agent.id` of the lowest sound link, '' when none is known. */
  readonly agent: string;
  readonly agentName: string;
  /** '' when session.start names none or has not come. */
  readonly principal: string;
  readonly owner: string;
  /** The composite fingerprint of its start. */
  readonly fingerprint: string;
  /** The highest seq on record, 0 when there is none: an offline check sees from it when a tail was removed. */
  readonly highestSeq: number;
  /** The span that was seen first: verdicts go to its trace, below it. '' when no span with good ids was seen. */
  readonly traceId: string;
  readonly spanId: string;
  /** Sequence numbers held. */
  readonly links: number;
  /** Findings that are not healed. */
  readonly openFindings: number;
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
  /** Whether the passing of time may still bring a finding about it: such sessions are loaded again at start. */
  readonly waiting: boolean;
}

export interface VerdictCount extends Verdict {
  readonly sessions: number;
}

export interface OutboxEntry {
  readonly id: number;
  readonly request: Uint8Array;
  readonly spans: number;
}

/** Something to tell a sink of findings. */
export interface NewNotice {
  readonly sink: string;
  /** The same for every delivery of it. */
  readonly key: string;
  /** What is sent. */
  readonly body: string;
}

export interface Notice {
  readonly id: number;
  readonly key: string;
  readonly body: string;
  /** Attempts that were counted. */
  readonly attempts: number;
}

/** A time in which a collector was receiving, Unix ms. */
export interface Run {
  readonly startedMs: number;
  /** When it was last known to: a killed one may have gone on for up to a minute. */
  readonly aliveMs: number;
  /** It ended in order. */
  readonly stopped: boolean;
}

/** Who removes something, when (Unix ms), and why. */
export interface Act {
  readonly by: string;
  readonly reason: string;
  readonly atMs: number;
}

/** A pruning on record. */
export interface Pruning extends Act {
  readonly type: 'pruning';
  readonly id: number;
  /** Of the sessions pruned the last link came before this. */
  readonly beforeMs: number;
  readonly sessions: number;
  readonly links: number;
  readonly findings: number;
  /** Over ids, numbers of links and end hashes of the sessions (SPEC.md, "Retention and erasure"). */
  readonly digest: string;
}

/** An erasure on record. */
export interface Erasure extends Act {
  readonly type: 'erasure';
  readonly id: number;
  readonly session: string;
  /** Copies of links whose content was removed. */
  readonly links: number;
  /** Spans that waited to be forwarded and were changed or removed. */
  readonly spans: number;
}

/** One entry of the record of removals, and whether its hash is that of the entry and of the one before. */
export interface Disposed {
  readonly entry: Pruning | Erasure | undefined;
  /** False where the entry, or the one before it, was edited or removed. */
  readonly sound: boolean;
}

/** A session that was pruned. */
export interface PrunedSession {
  readonly session: string;
  readonly disposition: number;
  readonly highestSeq: number;
  /** Sequence numbers that were held. */
  readonly links: number;
  /** The stated hash of the link at the highest seq. */
  readonly endHash: string;
}

/** The copies of one link of a session that is not here; none when it was missing there too. */
export interface Kin {
  readonly session: string;
  readonly seq: number;
  /** When its session ended, Unix nanoseconds; what the memory rule compares. */
  readonly ended: string;
  readonly copies: readonly LinkCopy[];
}

/** A request after something was removed from it. */
export interface Rewritten {
  readonly request: Uint8Array;
  /** Spans left in it. */
  readonly spans: number;
  /** Spans changed or removed. */
  readonly touched: number;
}

export interface PageRequest {
  /** Rows at most. */
  readonly limit: number;
  /** `next` of the page before; undefined for the first. */
  readonly cursor?: string | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Absent on the last page. */
  readonly next?: string | undefined;
}
