import type { Finding, RegisterEntry, SessionReport, Verdict } from '@agent-custody/chain';
import type { Erasure, Pruning } from '../ledger/ledger.js';
import type { Continuity } from './continuity.js';

/** What an auditor's report shows. Times are Unix ms. */
export interface AuditReport {
  readonly ledger: string;
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly madeAtMs: number;
  /** Of the package that made it. */
  readonly version: string;
  /** Where people reach Grafana; traces are linked then. */
  readonly grafanaUrl: string | undefined;
  /** The file, where one was named. */
  readonly register: string | undefined;
  /** Every session that was active in the period, by when it was first seen. */
  readonly sessions: readonly AuditedSession[];
  readonly agents: readonly AuditedAgent[];
  readonly continuity: Continuity;
  readonly exceptions: readonly AuditException[];
  readonly states: readonly AuditedState[];
  readonly approvals: readonly AuditedApproval[];
  readonly denied: readonly DeniedAction[];
  /** Entries of the register that speak of the period. */
  readonly entries: readonly RegisterEntry[];
  readonly removals: Removals;
}

export interface AuditedSession extends SessionReport {
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
}

export interface AuditedAgent {
  readonly agent: string;
  readonly sessions: number;
  readonly links: number;
  readonly actions: number;
  /** Distinct values; '' stands for none stated. */
  readonly owners: readonly string[];
  readonly principals: readonly string[];
  readonly verdicts: readonly Verdict[];
  /** Sessions in which nobody was named to answer for the agent, or nobody on whose behalf it acts. */
  readonly withoutOwner: number;
  readonly withoutPrincipal: number;
}

/** A finding about the period. */
export interface AuditException {
  readonly finding: Finding;
  readonly agent: string;
  /** When the collector put it on record; undefined for one that only this report's own check made. */
  readonly reportedAtMs: number | undefined;
}

/** One state in which an agent ran. */
export interface AuditedState {
  readonly agent: string;
  /** The composite fingerprint. */
  readonly fingerprint: string;
  readonly components: Readonly<Record<string, string>>;
  readonly sessions: number;
  readonly firstMs: number;
  readonly lastMs: number;
  /** The entries that approve it, if any; undefined when no register speaks of the agent. */
  readonly approvedBy: readonly RegisterEntry[] | undefined;
}

/** What a human said about an action. */
export interface AuditedApproval {
  readonly atMs: number;
  readonly agent: string;
  readonly session: string;
  readonly seq: number;
  readonly tool: string;
  readonly decision: string;
  readonly approver: string;
  readonly traceId: string;
  readonly spanId: string;
}

/** An action that policy or a human denied. */
export interface DeniedAction {
  readonly atMs: number;
  readonly agent: string;
  readonly session: string;
  readonly seq: number;
  readonly tool: string;
  /** `policy`, or the human's name. */
  readonly by: string;
  readonly rule: string;
  /** What became of it; '' when no outcome is on record. */
  readonly status: string;
  readonly traceId: string;
  readonly spanId: string;
}

/** What was removed from the ledger, ever: what is gone is gone for every period. */
export interface Removals {
  readonly prunings: readonly (Pruning & { /** Its digest is that of the sessions listed under it. */ readonly sound: boolean })[];
  readonly erasures: readonly Erasure[];
  /** No entry of the record of removals was changed or taken out. */
  readonly sound: boolean;
}
