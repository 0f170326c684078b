import { ATTR, FINDING_RULES, type Finding, type Hashing, type LinkCopy } from '@agent-custody/chain';
import { every } from '../ledger/every.js';
import type { Kin, Ledger, SessionRow } from '../ledger/ledger.js';
import { PRUNED } from '../ledger/pruned.js';
import { Judge, type Judgement, type JudgeOptions, nothingOf, withFindings } from './judge.js';
import { reread } from './reread.js';

/** Until when time is taken to have passed. */
export type AsOf =
  /** What time has brought about is what the collector put on record: it alone knows when it was receiving. */
  | { readonly type: 'recorded' }
  /** Limits of the caller's, counted from each session's last link on the wall clock. */
  | { readonly type: 'now'; readonly nowMs: number }
  | { readonly type: 'rest' };

/**
 * Judges a ledger from the evidence in it: every hash is recomputed from the stored attributes, every digest from the stored
 * content, and every finding is made anew. Findings on record are added, since what was wrong once is never withdrawn; they are
 * never taken as proof that nothing else is wrong. Whoever edits the ledger's links, statuses or findings is seen, and so is who
 * removes links of a session that the ledger still lists.
 *
 * @throws LedgerError when the ledger cannot be read
 */
export function judgeLedger(ledger: Ledger, options: JudgeOptions, asOf: AsOf): Judgement {
  for (let attempt = 1; ; attempt++) {
    const removals = ledger.dispositions().length;
    const judgement = judgeOnce(ledger, options, asOf);
    // A collector that pruned while this was being read took away what had been counted: that is no finding.
    if (attempt === ATTEMPTS || ledger.dispositions().length === removals) return judgement;
  }
}

/** A collector prunes once a day, in batches a second apart. */
const ATTEMPTS = 10;

function judgeOnce(ledger: Ledger, options: JudgeOptions, asOf: AsOf): Judgement {
  // Summaries first, links after: a collector that goes on writing can only add links to those counted.
  const rows = allSessions(ledger);
  const findings = allFindings(ledger);
  const judge = new Judge(options);
  for (const kin of ledger.kin()) judge.takeKin({ ...kin, copies: kin.copies.flatMap((copy) => relinked(copy, options.hashing)) });
  for (const link of ledger.allLinks()) {
    const parent = prunedParent(link, ledger);
    if (parent !== undefined) judge.takeKin(parent);
    judge.take(reread(link, options.hashing), arrival(rows.get(link.session), asOf));
  }
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

/** What is kept of a session that was pruned is evidence like the rest: its hashes are taken anew. */
function relinked(copy: LinkCopy, hashing: Hashing): readonly LinkCopy[] {
  const reading = reread(copy, hashing);
  return reading.type === 'link' ? [reading.link] : [];
}

/** The place of a parent that was pruned before its child came: it was there, and nobody knows what it said. */
function prunedParent({ kind, attributes }: LinkCopy, ledger: Ledger): Kin | undefined {
  const session = attributes[ATTR.parentSessionId];
  const seq = attributes[ATTR.parentSeq];
  if (kind !== 'session.start' || typeof session !== 'string' || typeof seq !== 'number') return undefined;
  const copies = ledger.prunedSession(session) === undefined ? [] : ledger.copies(session, seq);
  return copies.length === 1 && copies[0]?.kind === PRUNED ? { session, seq, ended: '', copies } : undefined;
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

/** Oldest first. */
function allSessions(ledger: Ledger): Map<string, SessionRow> {
  const rows = [...every((page) => ledger.sessionsPage(page))].reverse();
  return new Map(rows.map((row) => [row.session, row]));
}

function allFindings(ledger: Ledger): Map<string, Finding[]> {
  const bySession = new Map<string, Finding[]>();
  for (const { reportedAtMs: _, ...finding } of every((page) => ledger.findingsPage(page))) {
    const list = bySession.get(finding.session);
    if (list) list.push(finding);
    else bySession.set(finding.session, [finding]);
  }
  return bySession;
}
