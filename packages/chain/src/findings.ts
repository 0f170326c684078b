// The findings of SPEC.md, "Findings": one thing wrong each, with what it counts against in the verdict.

export type Severity = 'info' | 'medium' | 'high' | 'critical';
export type Against = 'integrity' | 'completeness' | 'authority' | 'nothing';

export interface FindingRule {
  readonly severity: Severity;
  readonly against: Against;
}

export const FINDING_RULES = {
  malformed: { severity: 'high', against: 'integrity' },
  unsupported: { severity: 'medium', against: 'completeness' },
  content_mismatch: { severity: 'critical', against: 'integrity' },
  broken_link: { severity: 'critical', against: 'integrity' },
  fork: { severity: 'critical', against: 'integrity' },
  inconsistent: { severity: 'critical', against: 'integrity' },
  disclosure_mismatch: { severity: 'critical', against: 'integrity' },
  after_end: { severity: 'critical', against: 'integrity' },
  count_mismatch: { severity: 'critical', against: 'integrity' },
  outcome_without_intent: { severity: 'critical', against: 'integrity' },
  parent_mismatch: { severity: 'critical', against: 'integrity' },
  gap: { severity: 'high', against: 'completeness' },
  missing_start: { severity: 'high', against: 'completeness' },
  declared_loss: { severity: 'medium', against: 'completeness' },
  unclosed: { severity: 'medium', against: 'completeness' },
  unfinished_action: { severity: 'medium', against: 'completeness' },
  orphan_child: { severity: 'high', against: 'completeness' },
  missing_child: { severity: 'high', against: 'completeness' },
  unattested_call: { severity: 'high', against: 'completeness' },
  tempo_divergence: { severity: 'high', against: 'completeness' },
  unapproved_fingerprint: { severity: 'high', against: 'authority' },
  fingerprint_drift: { severity: 'high', against: 'authority' },
  memory_drift: { severity: 'high', against: 'authority' },
  executed_after_deny: { severity: 'critical', against: 'authority' },
  approval_missing: { severity: 'critical', against: 'authority' },
  approval_mismatch: { severity: 'critical', against: 'authority' },
  overflow: { severity: 'high', against: 'completeness' },
  clock_regression: { severity: 'medium', against: 'nothing' },
  late: { severity: 'info', against: 'nothing' },
} as const satisfies Record<string, FindingRule>;

export type FindingCode = keyof typeof FINDING_RULES;
export const FINDING_CODES = Object.keys(FINDING_RULES) as readonly FindingCode[];

/** One thing wrong. `(session, code, seq)` is its identity: it is reported once, and may later be reported again as healed. */
export interface Finding {
  /** 32 hex, or '' for a malformed span that states no session: the collector at large. */
  readonly session: string;
  readonly code: FindingCode;
  readonly severity: Severity;
  /** The link that it is about; 0 with no session. */
  readonly seq: number;
  /** One sentence for people. Holds digests, names and numbers, never arguments, results or reasons. */
  readonly detail: string;
  /** What was missing came later: on record, but no longer counted. */
  readonly healed: boolean;
  /** The span that it is about, hex; '' when no span is held for that seq. */
  readonly traceId: string;
  readonly spanId: string;
}

export interface Verdict {
  readonly integrity: 'intact' | 'broken' | 'unknown';
  readonly completeness: 'complete' | 'incomplete' | 'open';
  readonly authority: 'approved' | 'deviated' | 'unknown';
}
