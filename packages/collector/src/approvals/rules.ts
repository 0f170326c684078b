import type { Agreement } from './agreement.js';
import type { Approval, ApprovalState, Decision } from './model.js';

// Who may decide what, until when, and how often: pure, so that each refusal is a case of a test.

/** Why a decision, or the use of one, is refused. */
export type RefusalCode =
  /** It came after the expiry. */
  | 'late'
  /** It was decided, or used, before. */
  | 'decided'
  | 'used'
  /** The principal on whose behalf the agent runs, deciding for themselves. */
  | 'self_approval'
  | 'not_an_approver'
  /** This approver has spoken; another one is asked for. */
  | 'same_approver'
  /** What was shown was not what will run, or is not what is on record. */
  | 'other_arguments'
  /** Not approved, or not yet. */
  | 'not_approved';

export type Judged =
  | { readonly type: 'accepted'; readonly approval: Approval }
  | { readonly type: 'refused'; readonly code: RefusalCode; readonly message: string };

/** The state at a time: what was not decided, or not used, by its expiry is expired. */
export function stateAt(approval: Approval, nowMs: number): ApprovalState {
  const open = approval.state === 'pending' || (approval.state === 'approved' && approval.claim === undefined);
  return open && nowMs >= approval.expiresAtMs ? 'expired' : approval.state;
}

/**
 * Takes a decision in: one denial is final, an approval counts once per approver. Bound to the arguments by their digest, and to the
 * intent on record where it has come.
 *
 * @param shownDigest of the arguments that were shown to the approver
 * @example judgeDecision(approval, { decision: 'approved', approver: 'bob@example.com', way: 'console', comment: '', atMs }, digest, 'agrees')
 */
export function judgeDecision(approval: Approval, decision: Decision, shownDigest: string, agreement: Agreement): Judged {
  const { request } = approval;
  const { requirement } = request;
  const state = stateAt(approval, decision.atMs);
  if (state === 'expired') return refused('late', `it expired at ${new Date(approval.expiresAtMs).toISOString()}`);
  if (state !== 'pending') return refused('decided', `it is ${state} already; a decision is final`);
  if (shownDigest !== request.arguments_digest) return refused('other_arguments', 'the decision is about other arguments than the request');
  if (!requirement.self_approval && request.principal !== undefined && same(decision.approver, request.principal))
    return refused('self_approval', 'the principal may not decide about what runs on their own behalf');
  if (agreement === 'differs' && decision.decision === 'approved')
    return refused('other_arguments', 'what is on record at that place is another call, of another agent, or for somebody else');
  if (requirement.approvers && !isCovered(decision.approver, requirement.approvers))
    return refused('not_an_approver', 'the rule names others as approvers');
  if (approval.decisions.some(({ approver }) => same(approver, decision.approver)))
    return refused('same_approver', 'this approver has decided; another one is asked for');
  const decisions = [...approval.decisions, decision];
  const approved = decision.decision === 'approved' && decisions.length >= requirement.count;
  return {
    type: 'accepted',
    approval: { ...approval, decisions, state: decision.decision === 'denied' ? 'denied' : approved ? 'approved' : 'pending' },
  };
}

/** Lets the action use its approval: once, before the expiry, by one process. The same claim again is the same use. */
export function judgeClaim(approval: Approval, claim: string, nowMs: number): Judged {
  if (approval.claim === claim) return { type: 'accepted', approval };
  if (approval.claim !== undefined) return refused('used', 'it was used before; an approval is used once');
  const state = stateAt(approval, nowMs);
  if (state === 'expired') return refused('late', `it expired at ${new Date(approval.expiresAtMs).toISOString()}`);
  if (state !== 'approved') return refused('not_approved', `it is ${state}`);
  return { type: 'accepted', approval: { ...approval, claim } };
}

/**
 * Whether a list names this person; `*@example.com` stands for all names that end so. The case of ASCII letters does not matter, and
 * nothing else is taken for the same: a Kelvin sign is no k, or another domain could pass for the one that is named.
 */
export function isCovered(name: string, patterns: readonly string[]): boolean {
  const wanted = asciiLower(name);
  return patterns.map(asciiLower).some((pattern) => (pattern.startsWith('*') ? wanted.endsWith(pattern.slice(1)) : wanted === pattern));
}

function asciiLower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** Where being the same person takes a right away, whatever looks the same is. */
function same(a: string, b: string): boolean {
  return fold(a) === fold(b);
}

/** Compatibility forms, case (by way of capitals: ß and SS are one), what is not seen, and runs of spaces. */
function fold(text: string): string {
  const folded = text.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC');
  return folded
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .replace(/\s+/gu, ' ')
    .trim();
}

function refused(code: RefusalCode, message: string): Judged {
  return { type: 'refused', code, message };
}
