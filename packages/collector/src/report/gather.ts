import type { Finding, Hashing, Register, RegisterEntry, SessionReport } from '@agent-custody/chain';
import { every } from '../ledger/every.js';
import type { Ledger, SessionRow } from '../ledger/ledger.js';
import { prunedDigest } from '../ledger/pruned.js';
import { reportsOf } from '../verify/judge.js';
import { judgeLedger } from '../verify/ledger-source.js';
import { actionsOf, type SessionActions } from './actions.js';
import { continuityOf } from './continuity.js';
import type { AuditException, AuditedAgent, AuditedSession, AuditReport, Removals } from './model.js';
import { StateBook } from './states.js';

/** What a report is about. Times are Unix ms. */
export interface ReportOptions {
  readonly ledgerName: string;
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly nowMs: number;
  readonly version: string;
  readonly grafanaUrl?: string | undefined;
  readonly register?: { readonly path: string; readonly content: Register } | undefined;
  readonly hashing: Hashing;
}

/**
 * Reads a ledger for a report. Every session of it is verified anew, as `verify --ledger` does: what the report says of them does
 * not rest on what the collector noted.
 *
 * @throws LedgerError
 */
export function gatherReport(ledger: Ledger, options: ReportOptions): AuditReport {
  const { sinceMs, untilMs, nowMs, hashing, register } = options;
  const rows = new Map([...every((page) => ledger.sessionsPage(page))].map((row) => [row.session, row]));
  const reportedAt = new Map([...every((page) => ledger.findingsPage(page))].map((finding) => [identity(finding), finding.reportedAtMs]));
  const judgement = judgeLedger(ledger, { hashing, register: register?.content }, { type: 'recorded' });
  const reports = reportsOf(judgement);
  const sessions = reports
    .flatMap((report) => audited(report, rows.get(report.session)))
    .filter(({ firstSeenMs, lastSeenMs }) => lastSeenMs >= sinceMs && firstSeenMs < untilMs)
    .sort((a, b) => a.firstSeenMs - b.firstSeenMs);
  const states = new StateBook(register?.content, hashing);
  const acts: SessionActions[] = [];
  for (const { session, agent } of sessions) {
    const links = [...ledger.links(session, 1)];
    states.add(agent, links);
    acts.push(actionsOf(agent, links));
  }
  const exceptions = [
    ...sessions.flatMap((report) => report.findings.map((finding) => exceptionOf(finding, report.agent, reportedAt))),
    ...judgement.atLarge
      .map((finding) => exceptionOf(finding, '', reportedAt))
      .filter(({ reportedAtMs = sinceMs }) => reportedAtMs >= sinceMs && reportedAtMs < untilMs),
  ].filter(({ finding: { code } }) => code !== 'late');
  return {
    ledger: options.ledgerName,
    sinceMs,
    untilMs,
    madeAtMs: nowMs,
    version: options.version,
    grafanaUrl: options.grafanaUrl,
    register: register?.path,
    sessions,
    agents: agentsOf(sessions, acts),
    continuity: continuityOf(ledger.runs(), { sinceMs, untilMs, nowMs }),
    exceptions,
    states: states.all(),
    approvals: acts.flatMap(({ approvals }) => approvals).sort((a, b) => a.atMs - b.atMs),
    denied: acts.flatMap(({ denied }) => denied).sort((a, b) => a.atMs - b.atMs),
    entries: (register?.content.entries ?? []).filter((entry) => speaksOf(entry, sinceMs, untilMs)),
    removals: removalsOf(ledger),
  };
}

/** A session that the ledger has no summary of was put there by somebody else: it is shown in every period. */
function audited(report: SessionReport, row: SessionRow | undefined): readonly AuditedSession[] {
  if (report.session === '') return [];
  const { firstSeenMs = 0, lastSeenMs = Number.MAX_SAFE_INTEGER } = row ?? {};
  return [{ ...report, firstSeenMs, lastSeenMs }];
}

function exceptionOf(finding: Finding, agent: string, reportedAt: ReadonlyMap<string, number>): AuditException {
  return { finding, agent, reportedAtMs: reportedAt.get(identity(finding)) };
}

function agentsOf(sessions: readonly AuditedSession[], acts: readonly SessionActions[]): readonly AuditedAgent[] {
  const byAgent = new Map<string, { session: AuditedSession; actions: number }[]>();
  for (const [index, session] of sessions.entries()) {
    const entry = { session, actions: acts[index]?.actions ?? 0 };
    const list = byAgent.get(session.agent);
    if (list === undefined) byAgent.set(session.agent, [entry]);
    else list.push(entry);
  }
  return [...byAgent]
    .map(([agent, entries]): AuditedAgent => {
      const own = entries.map(({ session }) => session);
      return {
        agent,
        sessions: own.length,
        links: own.reduce((sum, { links }) => sum + links, 0),
        actions: entries.reduce((sum, { actions }) => sum + actions, 0),
        owners: [...new Set(own.map(({ owner }) => owner))].sort(),
        principals: [...new Set(own.map(({ principal }) => principal))].sort(),
        verdicts: own,
        withoutOwner: own.filter(({ owner }) => owner === '').length,
        withoutPrincipal: own.filter(({ principal }) => principal === '').length,
      };
    })
    .sort((a, b) => (a.agent < b.agent ? -1 : 1));
}

function speaksOf({ from, until, withdrawn }: RegisterEntry, sinceMs: number, untilMs: number): boolean {
  const end = Math.min(...[until, withdrawn].map((time) => (time === null ? Number.POSITIVE_INFINITY : Date.parse(time))));
  return Date.parse(from) < untilMs && end >= sinceMs;
}

function removalsOf(ledger: Ledger): Removals {
  const all = ledger.dispositions();
  const prunings = all.flatMap(({ entry }) => (entry?.type === 'pruning' ? [entry] : []));
  return {
    prunings: prunings.map((pruning) => ({ ...pruning, sound: prunedDigest(ledger.prunedBy(pruning.id)) === pruning.digest })),
    erasures: all.flatMap(({ entry }) => (entry?.type === 'erasure' ? [entry] : [])),
    sound: all.every(({ sound, entry }) => sound && entry !== undefined),
  };
}

const identity = ({ session, code, seq }: Finding): string => `${session} ${code} ${seq}`;
