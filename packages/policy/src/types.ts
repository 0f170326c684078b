// What goes in and what comes out (README, "Deciding"). Everything here is plain JSON.

export type PolicyDecision = 'allow' | 'deny' | 'require_approval';

/** What became of an action; `denied`: it never ran. */
export type ActionStatus = 'ok' | 'error' | 'denied' | 'timeout' | 'cancelled';

/** A call that is about to be made. */
export interface Action {
  readonly tool: string;
  readonly toolType?: string | undefined;
  /** The framework's. Not looked at: retries repeat it. */
  readonly callId?: string | undefined;
  /** The arguments as they will be recorded, a JSON value of the caller's own that nobody else can change meanwhile. */
  readonly arguments: unknown;
  /** `lossy`: made JSON from something that was not; `withheld`: not to be had. Conditions on both cannot be told. Default `json`. */
  readonly argumentsEncoding?: 'json' | 'lossy' | 'withheld' | undefined;
  /** Equal for equal arguments and only for those, where the caller has such a one. Never the salted commitment of the intent. */
  readonly argumentsDigest?: string | undefined;
  readonly agent: string;
  /** On whose behalf; a rule that asks for one cannot be told without. */
  readonly principal?: string | undefined;
  readonly session: string;
  /**
   * Names the sessions that are one to information flow: an agent's, and those of the agents that it has work for it. No session's
   * id, so that it outlives each of them: {@link forgetSession} lets go of it when the last has ended. Default: the session.
   */
  readonly family?: string | undefined;
  /** Families that this one was started in: what they have read is held against it, and not the other way round. */
  readonly inherits?: readonly string[] | undefined;
  /** The reason that the model gave. Not looked at: it is the agent's own word. */
  readonly reason?: string | undefined;
  /** The call starts a session of another agent. */
  readonly spawns?: boolean | undefined;
}

/** What an approval takes. */
export interface ApprovalRequirement {
  /** Names, and `*@example.com` for all that end so, whatever their case; null: anyone who may approve at all. */
  readonly approvers: readonly string[] | null;
  /** How many different people. */
  readonly count: number;
  /** How long the request may wait, ms. */
  readonly expiresMs: number;
  /** Whether the principal may be one of them. */
  readonly selfApproval: boolean;
}

/** What one policy says of one call. */
export interface Verdict {
  readonly decision: PolicyDecision;
  /** Stable id of what decided: an entry's, `blocked_tools/PATTERN`, `allowed_tools/PATTERN`, `default`, `observe`. */
  readonly rule: string;
  /** One sentence for the model and the auditor; never a value of the arguments. */
  readonly reason: string;
  /** With `require_approval`, and only then. */
  readonly approval?: ApprovalRequirement | undefined;
}

/** One count that a permitted call has a share in. */
export interface PermitEntry {
  readonly rule: string;
  readonly key: string;
  readonly amount?: number | undefined;
  readonly groups?: readonly number[] | undefined;
  readonly digest?: string | undefined;
  readonly trial?: boolean | undefined;
}

/** What an intent says of a decision. */
export interface RecordedDecision {
  readonly decision: PolicyDecision;
  readonly rule: string;
  /** What would have been decided if nothing only observed, where that differs from an `allow`. */
  readonly observed?: 'deny' | 'require_approval' | undefined;
}

/** Hand it to `settle` with what became of the call. */
export interface Permit {
  readonly entries: readonly PermitEntry[];
}

export interface Decision extends Verdict {
  /** Takes the place of the state that was passed in. */
  readonly state: PolicyState;
  /** Absent when the call is denied. */
  readonly permit?: Permit | undefined;
  /** What would have been decided if nothing were in `mode: observe`; absent when that is the same. */
  readonly observed?: Verdict | undefined;
  /** The call may run only once the collector has durably taken its intent. */
  readonly durability?: 'acknowledged' | undefined;
}

/** Calls of the last while, as `[first, last, count]` of each slice, oldest first. */
export type Slice = readonly [firstMs: number, lastMs: number, calls: number];

/** What a breaker has seen; what each part means depends on what trips it. */
export interface Evidence {
  readonly count: number;
  readonly text: string;
  readonly recent: readonly (readonly [digest: string, atMs: number])[];
}

interface CellOf<Kind extends string> {
  readonly kind: Kind;
  /** The session that it ends with; null: it outlives sessions. */
  readonly session: string | null;
  /** From when on it says nothing any more, Unix ms. */
  readonly expiresMs: number;
}

export type Cell =
  | (CellOf<'window'> & { readonly slices: readonly Slice[] })
  | (CellOf<'budget'> & { readonly used: number })
  | (CellOf<'marks'> & { readonly counts: readonly number[] })
  | (CellOf<'breaker'> & {
      /** null: closed. */
      readonly openedMs: number | null;
      readonly trials: number;
      readonly trialMs: number;
      readonly evidence: Evidence;
    });

/** A persistent hash table: what an update does not touch is shared with the table before. */
export interface CellTable {
  readonly size: number;
  readonly buckets: readonly (readonly (readonly [key: string, cell: Cell])[])[];
}

/** Everything that decisions remember. Immutable, bounded, and JSON: `JSON.stringify` saves it, `restoreState` reads it back. */
export interface PolicyState {
  readonly version: 1;
  readonly cells: CellTable;
}
