import type { SessionReport } from '@agent-custody/chain';
import type { Ledger, SessionRow } from '../ledger/ledger.js';
import { isSpanId, isTraceId } from './spans.js';

/** Rows kept in memory beyond those of the current transaction. */
const REMEMBERED_ROWS = 20_000;

export interface SessionUpdate {
  readonly before: SessionRow | undefined;
  readonly row: SessionRow;
  readonly verdictChanged: boolean;
}

/** The summaries of sessions while a transaction runs: read once, changed in memory, written back at its end. */
export class SessionBook {
  private readonly rows = new Map<string, SessionRow>();
  /** What the current transaction saw of a session. */
  private readonly seen = new Map<string, { traceId: string; spanId: string; highestSeq: number }>();

  constructor(private readonly ledger: Ledger) {}

  /** As of the last transaction. */
  row(session: string): SessionRow | undefined {
    const known = this.rows.get(session);
    if (known !== undefined) return known;
    const row = this.ledger.session(session);
    if (row !== undefined) this.remember(row);
    return row;
  }

  /** Notes a span that speaks of a session. @param seq 0 for one that is not on record as a link */
  saw(session: string, span: { readonly traceId: string; readonly spanId: string }, seq: number): void {
    let seen = this.seen.get(session);
    if (seen === undefined) this.seen.set(session, (seen = { traceId: '', spanId: '', highestSeq: 0 }));
    if (seq > seen.highestSeq) seen.highestSeq = seq;
    if (seen.traceId === '' && isTraceId(span.traceId) && isSpanId(span.spanId)) {
      seen.traceId = span.traceId;
      seen.spanId = span.spanId;
    }
  }

  /**
   * Writes what a session is judged to be now. Its verdict is another one when one of the three judgements is, or the number of
   * findings that are not healed.
   */
  update(report: SessionReport, waiting: boolean, nowMs: number): SessionUpdate {
    const before = this.row(report.session);
    const seen = this.seen.get(report.session);
    const first = before !== undefined && before.traceId !== '' ? before : seen;
    const row: SessionRow = {
      session: report.session,
      agent: report.agent,
      agentName: report.agentName,
      principal: report.principal,
      owner: report.owner,
      fingerprint: report.fingerprint,
      highestSeq: Math.max(before?.highestSeq ?? 0, seen?.highestSeq ?? 0),
      traceId: first?.traceId ?? '',
      spanId: first?.spanId ?? '',
      integrity: report.integrity,
      completeness: report.completeness,
      authority: report.authority,
      links: report.links,
      openFindings: report.findings.filter((finding) => !finding.healed).length,
      firstSeenMs: before?.firstSeenMs ?? nowMs,
      lastSeenMs: before?.links === report.links ? before.lastSeenMs : nowMs,
      waiting,
    };
    if (before === undefined || !sameRow(before, row)) this.ledger.saveSession(row);
    this.remember(row);
    return { before, row, verdictChanged: before === undefined || !sameVerdict(before, row) };
  }

  /** After a commit: what was only needed until then. */
  settle(): void {
    this.seen.clear();
    if (this.rows.size > REMEMBERED_ROWS) this.rows.clear();
  }

  /** After a roll-back: nothing that is remembered may be on record. */
  forget(): void {
    this.seen.clear();
    this.rows.clear();
  }

  private remember(row: SessionRow): void {
    this.rows.set(row.session, row);
  }
}

/** What the API shows of a session, from what is on record. */
export function reportFrom(row: SessionRow, ledger: Ledger): SessionReport {
  const { session, agent, agentName, principal, owner, fingerprint, traceId, integrity, completeness, authority, links } = row;
  return {
    session,
    agent,
    agentName,
    principal,
    owner,
    fingerprint,
    traceId,
    integrity,
    completeness,
    authority,
    links,
    findings: ledger.findings(session),
  };
}

function sameVerdict(a: SessionRow, b: SessionRow): boolean {
  return (
    a.integrity === b.integrity && a.completeness === b.completeness && a.authority === b.authority && a.openFindings === b.openFindings
  );
}

function sameRow(a: SessionRow, b: SessionRow): boolean {
  return (Object.keys(a) as (keyof SessionRow)[]).every((key) => a[key] === b[key]);
}
