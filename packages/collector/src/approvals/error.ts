import type { RefusalCode } from './rules.js';

/** What is wrong with a request, a decision or a claim; each code has one HTTP status (api/approvals.ts). */
export const APPROVAL_ERRORS = [
  'late',
  'decided',
  'used',
  'self_approval',
  'not_an_approver',
  'same_approver',
  'other_arguments',
  'not_approved',
  'unknown',
  'conflict',
  'digest_mismatch',
  'too_many',
  /** A signature that does not verify, or is too old. */
  'forged',
  'replay',
] as const satisfies readonly (RefusalCode | string)[];
export type ApprovalErrorCode = (typeof APPROVAL_ERRORS)[number];

export class ApprovalError extends Error {
  override readonly name = 'ApprovalError';
  readonly code: ApprovalErrorCode;

  constructor(code: ApprovalErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
