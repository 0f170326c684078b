import type { Finding, SessionReport } from '@agent-custody/chain';

/** A finding as the command and the API print it. */
export interface FindingJson {
  readonly code: Finding['code'];
  readonly severity: Finding['severity'];
  readonly seq: number;
  readonly detail: string;
  readonly healed: boolean;
  /** 32 hex, '' when no span is held for that seq. */
  readonly trace_id: string;
  /** 16 hex, '' when no span is held for that seq. */
  readonly span_id: string;
}

/** A session's judgement as the command and the API print it. */
export interface SessionJson {
  readonly session: string;
  readonly agent: string;
  readonly integrity: SessionReport['integrity'];
  readonly completeness: SessionReport['completeness'];
  readonly authority: SessionReport['authority'];
  /** Sequence numbers held. */
  readonly links: number;
  readonly findings: readonly FindingJson[];
}

export function findingJson(finding: Finding): FindingJson {
  const { code, severity, seq, detail, healed, traceId, spanId } = finding;
  return { code, severity, seq, detail, healed, trace_id: traceId, span_id: spanId };
}

export function sessionJson(report: SessionReport): SessionJson {
  const { session, agent, integrity, completeness, authority, links, findings } = report;
  return { session, agent, integrity, completeness, authority, links, findings: findings.map(findingJson) };
}
