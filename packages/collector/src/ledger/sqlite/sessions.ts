import type { Verdict } from '@agent-custody/chain';
import type { Page, PageRequest, SessionRow, VerdictCount } from '../ledger.js';
import type { Connection, SqlValue, Statement } from './connection.js';
import { pageOf, withoutNul } from './pages.js';

type Row = readonly [
  id: number,
  session: string,
  agent: string,
  agentName: string,
  principal: string,
  owner: string,
  fingerprint: string,
  highestSeq: number,
  traceId: string,
  spanId: string,
  links: number,
  openFindings: number,
  integrity: string,
  completeness: string,
  authority: string,
  firstSeenMs: number,
  lastSeenMs: number,
  waiting: number,
];
const FIELDS = [
  'session',
  'agent',
  'agent_name',
  'principal',
  'owner',
  'fingerprint',
  'highest_seq',
  'trace_id',
  'span_id',
  'links',
  'open_findings',
  'integrity',
  'completeness',
  'authority',
  'first_seen_ms',
  'last_seen_ms',
  'waiting',
] as const;

/** The summaries of sessions, numbered in the order in which they were first seen. */
export class SessionsTable {
  private readonly upsert: Statement;
  private readonly one: Statement<Row>;
  private readonly newest: Statement<Row>;
  private readonly waitingOnes: Statement<[string]>;
  private readonly counts: Statement<[string, string, string, number]>;

  constructor(connection: Connection) {
    const columns = FIELDS.join(', ');
    const updates = FIELDS.slice(1).map((field) => `${field} = excluded.${field}`);
    this.upsert = connection.prepare(
      `INSERT INTO sessions (${columns}) VALUES (${FIELDS.map(() => '?').join(', ')}) ON CONFLICT (session) DO UPDATE SET ${updates.join(', ')}`,
    );
    this.one = connection.prepare(`SELECT id, ${columns} FROM sessions WHERE session = ?`);
    this.newest = connection.prepare(`SELECT id, ${columns} FROM sessions WHERE id < ? ORDER BY id DESC LIMIT ?`);
    this.waitingOnes = connection.prepare('SELECT session FROM sessions WHERE waiting = 1 ORDER BY id');
    this.counts = connection.prepare('SELECT integrity, completeness, authority, count(*) FROM sessions GROUP BY 1, 2, 3');
  }

  save(row: SessionRow): void {
    this.upsert.run(...valuesOf(row));
  }

  session(session: string): SessionRow | undefined {
    const row = this.one.first(session);
    return row && sessionOf(row);
  }

  page(request: PageRequest): Page<SessionRow> {
    return pageOf(request, (before, count) => this.newest.all(before, count), sessionOf);
  }

  waiting(): readonly string[] {
    return this.waitingOnes.all().map(([session]) => session);
  }

  verdictCounts(): readonly VerdictCount[] {
    return this.counts
      .all()
      .map(([integrity, completeness, authority, sessions]) => ({ ...verdictOf(integrity, completeness, authority), sessions }));
  }
}

/** In the order of {@link FIELDS}. */
function valuesOf(row: SessionRow): readonly SqlValue[] {
  return [
    row.session,
    withoutNul(row.agent),
    withoutNul(row.agentName),
    withoutNul(row.principal),
    withoutNul(row.owner),
    row.fingerprint,
    row.highestSeq,
    row.traceId,
    row.spanId,
    row.links,
    row.openFindings,
    row.integrity,
    row.completeness,
    row.authority,
    Math.trunc(row.firstSeenMs),
    Math.trunc(row.lastSeenMs),
    row.waiting ? 1 : 0,
  ];
}

function sessionOf(row: Row): SessionRow {
  const [, session, agent, agentName, principal, owner, fingerprint, highestSeq, traceId, spanId, ...judged] = row;
  const [links, openFindings, integrity, completeness, authority, firstSeenMs, lastSeenMs, waiting] = judged;
  return {
    session,
    agent,
    agentName,
    principal,
    owner,
    fingerprint,
    highestSeq,
    traceId,
    spanId,
    links,
    openFindings,
    ...verdictOf(integrity, completeness, authority),
    firstSeenMs,
    lastSeenMs,
    waiting: waiting === 1,
  };
}

function verdictOf(integrity: string, completeness: string, authority: string): Verdict {
  return {
    integrity: integrity as Verdict['integrity'],
    completeness: completeness as Verdict['completeness'],
    authority: authority as Verdict['authority'],
  };
}
