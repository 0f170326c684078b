import { FINDING_CODES, FINDING_RULES, type FindingCode } from '@agent-custody/chain';
import type { AlertSeverity } from './alert.js';

/** An alert for findings of some codes. */
export interface FindingAlert {
  readonly name: string;
  readonly severity: AlertSeverity;
  readonly codes: readonly FindingCode[];
  readonly summary: string;
  /** What it says of the session, after its name: a clause that ends in a full stop. */
  readonly says: string;
}

/** The chain itself does not hold: whatever the format has against integrity as critical, but the fork, which has its own alert. */
const BROKEN = FINDING_CODES.filter((code) => {
  const { severity, against } = FINDING_RULES[code];
  return severity === 'critical' && against === 'integrity' && code !== 'fork';
});

/** Every code is in one of these, but `late`, which is good news. */
export const FINDING_ALERTS: readonly FindingAlert[] = [
  {
    name: 'AgentChainBroken',
    severity: 'critical',
    codes: BROKEN,
    summary: 'The chain of custody of an agent session is broken.',
    says: 'is not the record that was written.',
  },
  {
    name: 'AgentForkDetected',
    severity: 'critical',
    codes: ['fork'],
    summary: 'An agent session has two histories.',
    says: 'has different links under one number.',
  },
  {
    name: 'AgentActedAfterDeny',
    severity: 'critical',
    codes: ['executed_after_deny'],
    summary: 'An agent ran an action that was denied.',
    says: 'ran what a policy or a person had denied.',
  },
  {
    name: 'AgentApprovalViolated',
    severity: 'critical',
    codes: ['approval_missing', 'approval_mismatch'],
    summary: 'An agent ran an action without the approval that it needed.',
    says: 'ran what needed an approval without one for exactly these arguments.',
  },
  {
    name: 'AgentChainGap',
    severity: 'warning',
    codes: ['gap', 'missing_start'],
    summary: 'Links of an agent session are missing.',
    says: 'lacks links that never came within the grace period.',
  },
  {
    name: 'AgentSessionUnclosed',
    severity: 'warning',
    codes: ['unclosed'],
    summary: 'An agent session fell silent without an end.',
    says: 'has been silent beyond the idle limit and was not closed.',
  },
  {
    name: 'AgentActionUnfinished',
    severity: 'warning',
    codes: ['unfinished_action'],
    summary: 'An agent began an action and never said how it ended.',
    says: 'announced an action whose outcome never came.',
  },
  {
    name: 'AgentLineageIncomplete',
    severity: 'warning',
    codes: ['orphan_child', 'missing_child'],
    summary: 'A parent or a child of an agent session is missing.',
    says: 'names a parent or a child that never came.',
  },
  {
    name: 'AgentCallUnattested',
    severity: 'warning',
    codes: ['unattested_call'],
    summary: 'An agent session and its own attestation of calls disagree.',
    says: 'shows calls that its record does not account for.',
  },
  {
    name: 'AgentUnapprovedFingerprint',
    severity: 'warning',
    codes: ['unapproved_fingerprint', 'fingerprint_drift'],
    summary: 'An agent runs in a state that nobody approved.',
    says: 'runs with a system prompt, tools or other components that no entry of the register approves.',
  },
  {
    name: 'AgentMemoryDrift',
    severity: 'warning',
    codes: ['memory_drift'],
    summary: 'The memory of an agent changed while nobody was recorded.',
    says: 'started with a memory that is not what the last session left.',
  },
  {
    name: 'AgentSpanMalformed',
    severity: 'warning',
    codes: ['malformed'],
    summary: 'A span claims to be a link of a chain and is not one.',
    says: 'was named by a span that is not a well-formed link.',
  },
  {
    name: 'AgentFormatUnsupported',
    severity: 'warning',
    codes: ['unsupported'],
    summary: 'An agent writes a version of the format that the collector does not know.',
    says: 'has links that cannot be recomputed here.',
  },
  {
    name: 'AgentLossDeclared',
    severity: 'info',
    codes: ['declared_loss'],
    summary: 'An agent says itself that links of it were lost.',
    says: 'declared links as lost.',
  },
  {
    name: 'AgentClockRegression',
    severity: 'info',
    codes: ['clock_regression'],
    summary: 'The clock of an agent went back.',
    says: 'has a link that is older than the one before it.',
  },
  {
    name: 'CustodyVerifierOverflow',
    severity: 'warning',
    codes: ['overflow'],
    summary: 'An agent session passed a bound of the verifier.',
    says: 'has more out of order or open at one time than the verifier keeps.',
  },
  {
    name: 'CustodyTempoDivergence',
    severity: 'warning',
    codes: ['tempo_divergence'],
    summary: 'Tempo does not hold what was forwarded to it.',
    says: 'is not in Tempo as the ledger has it.',
  },
];

/** Codes that heal: their alert ends soon after what was missing has come. Those of the other codes stand until they are a day old. */
export const canHeal = (codes: readonly FindingCode[]): boolean => codes.some((code) => FINDING_RULES[code].against === 'completeness');
