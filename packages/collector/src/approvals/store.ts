import type { Page, PageRequest } from '../ledger/ledger.js';
import type { Approval } from './model.js';

/**
 * Where approvals are kept: in the ledger, so that they survive a restart. Writes are durable when they return, like every other
 * write of the ledger; inside a transaction, with it.
 */
export interface ApprovalStore {
  /** All writes of `work` or none. Does not nest. */
  atomically<T>(work: () => T): T;
  approval(id: string): Approval | undefined;
  /** The approval that was asked for the action that this intent announced. */
  ofIntent(session: string, seq: number): Approval | undefined;
  /** Creates or replaces. */
  saveApproval(approval: Approval): void;
  /** Those on record as pending, oldest first, at most so many. */
  pendingApprovals(limit: number): readonly Approval[];
  /** Those on record as pending whose expiry is at this time or before it, Unix ms. */
  overdueApprovals(nowMs: number): readonly Approval[];
  /** Of one agent, or of all. */
  pendingCount(agent?: string): number;
  /** All, newest first. @throws LedgerError `bad_cursor` */
  approvalsPage(page: PageRequest): Page<Approval>;
  /** Remembers a signed message; false when it was seen before: a replay. Those older than `forgetBeforeMs` are forgotten. */
  noteMessage(id: string, atMs: number, forgetBeforeMs: number): boolean;
  /** Removes arguments, salt, reason and comments from what was asked in a session. */
  eraseApprovals(session: string): void;
}
