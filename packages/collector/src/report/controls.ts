import type { FindingCode } from '@agent-custody/chain';

/** One control that the record supports. A framework asks for much that no log can show: nothing here says that it is met. */
export interface Control {
  readonly framework: 'SOC 2 (2017 Trust Services Criteria)' | 'ISO/IEC 27001:2022' | 'OWASP Top 10 for Agentic Applications 2026';
  readonly id: string;
  readonly asks: string;
  /** What in this report speaks to it. */
  readonly supports: string;
  /** Sections of the report. */
  readonly sections: readonly number[];
  /** Findings that are exceptions to it. */
  readonly codes: readonly FindingCode[];
}

const SOC2 = 'SOC 2 (2017 Trust Services Criteria)';
const ISO = 'ISO/IEC 27001:2022';
const OWASP = 'OWASP Top 10 for Agentic Applications 2026';

const STATE: readonly FindingCode[] = ['unapproved_fingerprint', 'fingerprint_drift'];
const APPROVAL: readonly FindingCode[] = ['executed_after_deny', 'approval_missing', 'approval_mismatch'];
const ALTERED: readonly FindingCode[] = [
  'malformed',
  'content_mismatch',
  'broken_link',
  'fork',
  'inconsistent',
  'disclosure_mismatch',
  'after_end',
  'count_mismatch',
];
const MISSING: readonly FindingCode[] = [
  'gap',
  'missing_start',
  'declared_loss',
  'unclosed',
  'unfinished_action',
  'missing_child',
  'overflow',
];

export const CONTROLS: readonly Control[] = [
  {
    framework: SOC2,
    id: 'CC4.1',
    asks: 'Controls are monitored, and evaluated as they run',
    supports: 'every session verified anew for this report; the exceptions it found',
    sections: [1, 3],
    codes: [],
  },
  {
    framework: SOC2,
    id: 'CC6.1–6.3',
    asks: 'Access of people and of non-human accounts is authorised and attributable',
    supports: 'owner and principal of each agent; sessions that name none',
    sections: [4, 7],
    codes: ['parent_mismatch', 'orphan_child'],
  },
  {
    framework: SOC2,
    id: 'CC7.2, CC7.3',
    asks: 'Anomalies are detected and evaluated',
    supports: 'findings with severity, time and trace; actions that were denied',
    sections: [3, 6],
    codes: [...ALTERED, 'executed_after_deny', 'unattested_call'],
  },
  {
    framework: SOC2,
    id: 'CC8.1',
    asks: 'Changes are authorised before they take effect',
    supports: 'states in which agents ran, and who approved each under which ticket',
    sections: [5],
    codes: [...STATE, 'memory_drift'],
  },
  {
    framework: SOC2,
    id: 'PI1.4, PI1.5',
    asks: 'Outputs and stored records are complete and accurate',
    supports: 'completeness of the population and of each session; integrity of each record',
    sections: [2, 3],
    codes: [...MISSING, ...ALTERED],
  },
  {
    framework: ISO,
    id: 'A.5.15–5.18',
    asks: 'Identities and access rights are managed',
    supports: 'agents, owners, principals; approvals of single actions',
    sections: [4, 6, 7],
    codes: APPROVAL,
  },
  {
    framework: ISO,
    id: 'A.5.28',
    asks: 'Evidence is collected and kept so that it can be used',
    supports: 'hash-chained records that anybody can verify; removals on record',
    sections: [2, 8],
    codes: ALTERED,
  },
  {
    framework: ISO,
    id: 'A.5.33, A.8.10',
    asks: 'Records are protected, and deleted when they are due',
    supports: 'prunings and erasures with who, when, why and what',
    sections: [8],
    codes: [],
  },
  {
    framework: ISO,
    id: 'A.8.15, A.8.16',
    asks: 'Logs are produced, protected and analysed',
    supports: 'times in which nothing could be recorded; missing and altered records',
    sections: [2, 3],
    codes: [...MISSING, ...ALTERED, 'tempo_divergence'],
  },
  {
    framework: ISO,
    id: 'A.8.17',
    asks: 'Clocks are synchronised',
    supports: 'links whose clock ran backwards',
    sections: [3],
    codes: ['clock_regression'],
  },
  {
    framework: ISO,
    id: 'A.8.32',
    asks: 'Changes follow change management',
    supports: 'fingerprints against the register of approved states',
    sections: [5],
    codes: STATE,
  },
  {
    framework: OWASP,
    id: 'ASI01 Agent goal hijack',
    asks: 'The goal is the one that was given',
    supports: 'system prompt fingerprint at every action',
    sections: [5],
    codes: STATE,
  },
  {
    framework: OWASP,
    id: 'ASI02 Tool misuse',
    asks: 'Tools are used as permitted',
    supports: 'policy decisions before each action; tool list fingerprint',
    sections: [5, 6],
    codes: ['executed_after_deny', 'outcome_without_intent', 'unattested_call'],
  },
  {
    framework: OWASP,
    id: 'ASI03 Identity and privilege abuse',
    asks: 'Acts are bound to an identity and on whose behalf it acts',
    supports: 'owner and principal; parentage of sessions',
    sections: [4, 7],
    codes: ['parent_mismatch', 'orphan_child'],
  },
  {
    framework: OWASP,
    id: 'ASI04 Supply chain',
    asks: 'Components are the ones that were approved',
    supports: 'tools, model, dependencies and code in the fingerprint, where measured',
    sections: [5],
    codes: STATE,
  },
  {
    framework: OWASP,
    id: 'ASI06 Memory and context poisoning',
    asks: 'Memory changes only by recorded acts',
    supports: 'memory fingerprint between sessions',
    sections: [3, 5],
    codes: ['memory_drift'],
  },
  {
    framework: OWASP,
    id: 'ASI07 Insecure inter-agent communication',
    asks: 'Agents that start others are known to each other',
    supports: 'parents and children hold each other’s hashes',
    sections: [3],
    codes: ['parent_mismatch', 'orphan_child', 'missing_child'],
  },
  {
    framework: OWASP,
    id: 'ASI09 Human-agent trust exploitation',
    asks: 'A human’s approval is for what then happens',
    supports: 'approvals bound to the digest of the arguments',
    sections: [6],
    codes: APPROVAL,
  },
  {
    framework: OWASP,
    id: 'ASI10 Rogue agents; T8 Repudiation and untraceability',
    asks: 'Acts cannot be denied or go unrecorded',
    supports: 'intent before each act; counts; gaps; chains that cannot be altered unseen',
    sections: [2, 3],
    codes: ['outcome_without_intent', 'unattested_call', 'after_end', 'gap', 'missing_start'],
  },
];
