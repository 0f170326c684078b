import { FINDING_RULES, type Finding } from '@agent-custody/chain';
import type { Ledger, SessionRow } from '../ledger/ledger.js';
import { Judge, type Judgement, type JudgeOptions, nothingOf, withFindings } from './judge.js';
import { reread } from './reread.js';

/** Until when time is taken to have passed. */
export type AsOf =
  /** What time has brought about is what the collector put on record: it alone knows when it was receiving. */
  | { readonly type: 'recorded' }
  /** Limits of the caller's, counted from each session's last link on the wall clock. */
  | { readonly type: 'now'; readonly nowMs: number }
  | { readonly type: 'rest' };

const PAGE = 500;

/**
 * Judges a ledger from the evidence in it: every hash is recomputed from the stored attributes, every digest from the stored
 * content, and every finding is made anew. Findings on record are added, since what was wrong once is never withdrawn; they are
 * never taken as proof that nothing else is wrong. Whoever edits the ledger's links, statuses or findings is seen, and so is who
 * removes links of a session that the ledger still lists.
 *
 * @throws LedgerError when the ledger cannot be read
 */
export function judgeLedger(ledger: Ledger, options: JudgeOptions, asOf: AsOf): Judgement {
  // Summaries first, links after: a collector that goes on writing can only add links to those counted.
  const rows = allSessions(ledger);
  const findings = allFindings(ledger);
  const judge = new Judge(options);
  for (const link of ledger.allLinks()) judge.take(reread(link, options.hashing), arrival(rows.get(link.session), asOf));
  const { sessions, atLarge } = judge.conclude(asOf.type === 'rest' ? Number.POSITIVE_INFINITY : asOf.type === 'now' ? asOf.nowMs : 0);
  const judged = new Map(sessions.map((report) => [report.session, report]));
  const known = new Set([...rows.keys(), ...judged.keys(), ...findings.keys()]);
  known.delete('');
  return {
    sessions: [...known].map((id) => {
      const report = judged.get(id) ?? nothingOf(id, rows.get(id));
      return withFindings(report, [...removed(rows.get(id), report.links), ...(findings.get(id) ?? [])]);
    }),
    atLarge: [...atLarge, ...(findings.get('') ?? [])],
  };
}

function arrival(row: SessionRow | undefined, asOf: AsOf): number {
  if (asOf.type !== 'now') return 0;
  return row?.lastSeenMs ?? asOf.nowMs;
}

/** The summary of a session counts links that the ledger no longer has: the ledger never removes one by itself. */
function removed(row: SessionRow | undefined, held: number): readonly Finding[] {
  if (row === undefined || held >= row.links) return [];
  const detail = `the ledger counts ${row.links} links of this session and holds ${held}: links were removed from it`;
  const { session, traceId, spanId } = row;
  return [
    { session, code: 'count_mismatch', ...FINDING_RULES.count_mismatch, seq: row.highestSeq, detail, healed: false, traceId, spanId },
  ];
}

function allSessions(ledger: Ledger): Map<string, SessionRow> {
  const rows: SessionRow[] = [];
  for (let page = ledger.sessionsPage({ limit: PAGE }); ; page = ledger.sessionsPage({ limit: PAGE, cursor: page.next })) {
    rows.push(...page.items);
    if (page.next === undefined) return new Map(rows.reverse().map((row) => [row.session, row]));
  }
}

function allFindings(ledger: Ledger): Map<string, Finding[]> {
  const bySession = new Map<string, Finding[]>();
  for (let page = ledger.findingsPage({ limit: PAGE }); ; page = ledger.findingsPage({ limit: PAGE, cursor: page.next })) {
    for (const { reportedAtMs: _, ...finding } of page.items) {
      const list = bySession.get(finding.session);
      if (list) list.push(finding);
      else bySession.set(finding.session, [finding]);
    }
    if (page.next === undefined) return bySession;
  }
}
