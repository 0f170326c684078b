import { commonApprovers, isUnattainable } from './approvers.js';
import type { ApprovalSource } from './schema.js';
import type { ApprovalRequirement, Decision, PolicyDecision, RecordedDecision, Verdict } from './types.js';

const STRICTNESS: Readonly<Record<PolicyDecision, number>> = { allow: 0, require_approval: 1, deny: 2 };

/** What asks for approval without saying how. */
const USUAL: ApprovalSource = { count: 1, expires: 3_600_000, self_approval: false };

export function requirementOf(source: ApprovalSource | undefined): ApprovalRequirement {
  const { approvers, count, expires, self_approval } = source ?? USUAL;
  return { approvers: approvers ?? null, count, expiresMs: expires, selfApproval: self_approval };
}

/** The verdict of a rule or a restriction. */
export function verdictOf(decision: PolicyDecision, rule: string, reason: string, approval: ApprovalRequirement | undefined): Verdict {
  return decision === 'require_approval' && approval !== undefined ? { decision, rule, reason, approval } : { decision, rule, reason };
}

/**
 * Of two verdicts the stricter: deny before require_approval before allow. Of two equal ones the first, unless it only is a default;
 * two approvals make one that satisfies both.
 */
export function strictest(one: Verdict | undefined, other: Verdict | undefined): Verdict | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  const difference = STRICTNESS[other.decision] - STRICTNESS[one.decision];
  if (difference !== 0) return difference > 0 ? other : one;
  if (one.approval !== undefined && other.approval !== undefined) return bothApprovals(one, one.approval, other, other.approval);
  return isDefault(one) && !isDefault(other) ? other : one;
}

function isDefault({ rule }: Verdict): boolean {
  return rule === 'default' || rule.endsWith(':default');
}

/** Of two verdicts the laxer: the lower bound of what cannot be told. */
export function laxest(one: Verdict, other: Verdict): Verdict {
  return STRICTNESS[other.decision] < STRICTNESS[one.decision] ? other : one;
}

function bothApprovals(one: Verdict, its: ApprovalRequirement, other: Verdict, others: ApprovalRequirement): Verdict {
  const approval = {
    approvers: commonApprovers(its.approvers, others.approvers),
    count: Math.max(its.count, others.count),
    expiresMs: Math.min(its.expiresMs, others.expiresMs),
    selfApproval: its.selfApproval && others.selfApproval,
  };
  if (!isUnattainable(approval.approvers, approval.count)) return { ...one, approval };
  return {
    decision: 'deny',
    rule: one.rule,
    reason: `Approval is required by ${one.rule} and by ${other.rule}, which name too few approvers in common, so nobody can give it.`,
  };
}

/**
 * What goes on record of a decision: where nothing that is enforced objects, the rule worth naming is the one that would have.
 *
 * @example const { decision, rule, observed } = onRecord(decide(policy, state, action, now));
 */
export function onRecord({ decision, rule, observed }: Pick<Decision, 'decision' | 'rule' | 'observed'>): RecordedDecision {
  const would = observed?.decision;
  return {
    decision,
    rule: (decision === 'allow' ? observed?.rule : undefined) ?? rule,
    ...(would !== undefined && would !== 'allow' && { observed: would }),
  };
}
