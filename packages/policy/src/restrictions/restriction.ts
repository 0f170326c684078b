import type { Call } from '../call.js';
import type { ApprovalSource } from '../schema.js';
import type { Change } from '../table.js';
import type { ActionStatus, Cell, CellTable, PermitEntry, Verdict } from '../types.js';
import { requirementOf, verdictOf } from '../verdict.js';

/** What a restriction says of a call, and what it remembers of it. */
export interface Examination {
  /** undefined: no objection. */
  readonly verdict: Verdict | undefined;
  /** What to remember when the call may run. */
  readonly admitted?: Change | undefined;
  /** What to remember when it may not: a breaker that has tripped stays so. */
  readonly refused?: Change | undefined;
  /** What `settle` needs, when the call may run. */
  readonly entry?: PermitEntry | undefined;
}

/** Something that can only take away from what the rules allow. */
export interface Restriction {
  readonly id: string;
  readonly observe: boolean;
  /** Whether it counts sessions that calls start, beside the calls. */
  readonly countsSpawns?: boolean | undefined;
  /** undefined: it is not about this call. */
  examine(call: Call, cells: CellTable, now: number): Examination | undefined;
  /** The cell once the call is over; absent where outcomes do not matter. */
  readonly settle?: (cell: Cell, entry: PermitEntry, status: ActionStatus, now: number) => Cell;
}

/** How long what belongs to a session is kept when nobody says that the session has ended. */
export const RETENTION_MS = 7 * 86_400_000;

interface ConsequenceSource {
  readonly decision: 'deny' | 'require_approval';
  readonly approval?: ApprovalSource | undefined;
  readonly reason?: string | undefined;
}

/** Makes the verdicts of one restriction: `explain` begins with a capital and has no full stop. */
export function objection(id: string, { decision, approval, reason }: ConsequenceSource): (explain: string) => Verdict {
  const requirement = decision === 'require_approval' ? requirementOf(approval) : undefined;
  return (explain) => verdictOf(decision, id, sentence(explain, reason), requirement);
}

/** A reason with the author's own words after it. */
export function sentence(explain: string, words: string | undefined): string {
  return words === undefined ? `${explain}.` : `${explain}: ${words}`;
}
