import type { Attributes, LinkStatus } from '../attributes.js';
import type { Finding } from '../findings.js';
import type { Register } from '../register.js';

/** One copy of a link as it was received, read and recomputed by {@link readSpan}. */
export interface LinkCopy {
  readonly session: string;
  readonly seq: number;
  /** As stated; unknown kinds are chained and otherwise ignored. */
  readonly kind: string;
  readonly version: number;
  readonly prev: string;
  /** As stated. */
  readonly hash: string;
  /** Unix nanoseconds, decimal. */
  readonly time: string;
  /** The covered attributes: what the preimage holds. */
  readonly attributes: Attributes;
  readonly traceId: string;
  readonly spanId: string;
  /** RFC 8785 text of covered attributes and ids. */
  readonly preimage: string;
  /** Whether {@link hash} is that of {@link preimage}; false for a version that this verifier does not know. */
  readonly recomputes: boolean;
  /** Whether the content on the span matches its digests: nothing disclosed, all of it right, or not. */
  readonly disclosure: 'none' | 'verified' | 'mismatch';
  /** Disclosed content and salts, by attribute key. */
  readonly content: Readonly<Record<string, string>>;
}

export interface Limits {
  /** How long a missing sequence number may still arrive, ms (default 30 000). */
  readonly gapGraceMs: number;
  /** How long an open session may be silent, ms (default 900 000). */
  readonly sessionIdleMs: number;
  /** Links of one session held behind a hole (default 10 000). */
  readonly heldLinks: number;
  /** Actions of one session in flight (default 10 000). */
  readonly openActions: number;
  /** Different copies kept of one sequence number (default 8). */
  readonly copiesPerSeq: number;
}

/**
 * What the verifier looks up: the links on record. Synchronous, and it reads its own writes: a copy handed to {@link keep} is
 * in every later answer. Nothing is ever removed from it while the verifier runs.
 */
export interface Records {
  /** Takes a copy on record. Called once per copy that is no duplicate. */
  keep(link: LinkCopy): void;
  /** Every copy held of one sequence number, in no particular order. */
  copies(session: string, seq: number): readonly LinkCopy[];
  /** Every copy of a session with seq ≥ `from`, ascending by seq. */
  links(session: string, from: number): Iterable<LinkCopy>;
  /** Every intent, approval and outcome that states this `custody.action.id`. */
  action(session: string, actionId: string): readonly LinkCopy[];
  /** Every child.spawn, of any session, that names `child`. */
  spawnsOf(child: string): readonly LinkCopy[];
  /** Every session.start, of any session, that names `parent` as its `custody.parent.session.id`. */
  childrenOf(parent: string): readonly LinkCopy[];
  /** Session and time of every session.start, of any session, with this agent and `custody.memory.store`: there may be many. */
  sharers(agentId: string, memoryStore: string): readonly Pick<LinkCopy, 'session' | 'time'>[];
  /** The findings on record of a session: for one that was not in memory. */
  findings(session: string): readonly Finding[];
}

export type VerifierEvent =
  | { readonly type: 'link'; readonly link: LinkCopy; readonly at: number }
  | {
      readonly type: 'malformed';
      /** '' when the span states none well. */
      readonly session: string;
      readonly seq: number;
      readonly detail: string;
      readonly traceId: string;
      readonly spanId: string;
      readonly at: number;
    }
  /**
   * Another store was read and does not hold this link as it is on record, or (`healed`) holds it again. Reading stores is the
   * caller's; the finding is the session's like any other.
   */
  | {
      readonly type: 'divergence';
      readonly session: string;
      readonly seq: number;
      readonly detail: string;
      readonly healed: boolean;
      readonly traceId: string;
      readonly spanId: string;
      readonly at: number;
    }
  /** Time passes. `at` is in ms on any monotonic scale that all events share; Infinity judges everything at rest. */
  | { readonly type: 'tick'; readonly at: number };

/** A link that no longer waits: it can be forwarded with this status. */
export interface Release {
  readonly session: string;
  readonly seq: number;
  readonly status: LinkStatus;
}

/** What one event brought about. */
export interface StepResult {
  /** New findings, and known ones that healed (`healed: true`) or came back. */
  readonly findings: readonly Finding[];
  /**
   * For a link event: `duplicate` (nothing kept, do not forward), `linked`, `held` (wait for a {@link Release}), or `broken`.
   * A duplicate that does not recompute or match is never a duplicate. For other events: undefined.
   */
  readonly status: LinkStatus | 'duplicate' | undefined;
  /** Links that were held until now. */
  readonly released: readonly Release[];
  /** Sessions whose verdict, number of links or findings may have changed. */
  readonly touched: readonly string[];
}

/** The judgement of one session. */
export interface SessionReport {
  readonly session: string;
  /** `gen_ai.agent.id` of the lowest sound link, '' when none is known. */
  readonly agent: string;
  readonly agentName: string;
  /** On whose behalf, and who answers for the agent; '' when not stated. */
  readonly principal: string;
  readonly owner: string;
  /** The composite fingerprint of its start. */
  readonly fingerprint: string;
  /** The trace of its first link. */
  readonly traceId: string;
  readonly integrity: 'intact' | 'broken' | 'unknown';
  readonly completeness: 'complete' | 'incomplete' | 'open';
  readonly authority: 'approved' | 'deviated' | 'unknown';
  /** Sequence numbers held. */
  readonly links: number;
  /** Ascending by seq, then code. */
  readonly findings: readonly Finding[];
}

export interface VerifierOptions {
  readonly records: Records;
  readonly limits?: Partial<Limits>;
  readonly register?: Register;
}
