import type { Finding, LinkCopy, LinkStatus, Records, Verdict } from '@agent-custody/chain';

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
 * - Links are never deleted or changed, findings never deleted; of a finding only `healed` changes, and its detail with it.
 *   Outbox entries are deleted once acknowledged, and for no other reason.
 * - Pages are newest first and stable: a row keeps its place, so following cursors neither repeats nor skips one, whatever is
 *   written in between.
 * - Failures of the machine are a {@link LedgerError}; after one inside a transaction nothing of that transaction is on record.
 *
 * Calls are synchronous: the verifier's look-ups are, and a commit blocks nothing that could go on without it.
 */
export interface Ledger extends Records {
  /** Runs `work` as one transaction. Whatever `work` throws is thrown on, after the roll-back. Does not nest. */
  transaction<T>(work: () => T): T;

  /** Every copy of every link, in the order of arrival: what an offline check reads. */
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

  /** Appends an OTLP request to the outbox. */
  enqueue(request: Uint8Array, spans: number): void;
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
  /** Spans waiting in the outbox, and those set aside. Held ones are in neither. */
  outboxSize(): { readonly spans: number; readonly aside: number };

  /** Remembers that a register entry was announced under `key`; false when it was known already. */
  noteRegisterEntry(key: string): boolean;

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
