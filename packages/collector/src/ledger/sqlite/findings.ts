import type { Finding, FindingCode, Severity } from '@agent-custody/chain';
import type { Page, PageRequest, RecordedFinding } from '../ledger.js';
import type { Connection, Statement } from './connection.js';
import { pageOf, withoutNul } from './pages.js';

type FindingRow = readonly [
  id: number,
  session: string,
  code: string,
  seq: number,
  severity: string,
  detail: string,
  healed: number,
  traceId: string,
  spanId: string,
  reportedMs: number,
];
const COLUMNS = 'id, session, code, seq, severity, detail, healed, trace_id, span_id, reported_ms';

/** Findings on record, each once by (session, code, seq). */
export class FindingsTable {
  private readonly insert: Statement;
  private readonly heal: Statement;
  private readonly known: Statement<[id: number, healed: number]>;
  private readonly ofSession: Statement<FindingRow>;
  private readonly newest: Statement<FindingRow>;

  constructor(connection: Connection) {
    this.insert = connection.prepare(
      'INSERT INTO findings (session, code, seq, severity, detail, healed, trace_id, span_id, reported_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    );
    this.heal = connection.prepare('UPDATE findings SET healed = ?, detail = ? WHERE id = ?');
    this.known = connection.prepare('SELECT id, healed FROM findings WHERE session = ? AND seq = ? AND code = ?');
    this.ofSession = connection.prepare(`SELECT ${COLUMNS} FROM findings WHERE session = ? ORDER BY seq, code`);
    this.newest = connection.prepare(`SELECT ${COLUMNS} FROM findings WHERE id < ? ORDER BY id DESC LIMIT ?`);
  }

  record(finding: Finding, atMs: number): 'new' | 'changed' | 'known' {
    const { session, code, seq, severity, healed } = finding;
    const detail = withoutNul(finding.detail);
    const known = this.known.first(session, seq, code);
    if (known === undefined) {
      this.insert.run(session, code, seq, severity, detail, healed ? 1 : 0, finding.traceId, finding.spanId, Math.trunc(atMs));
      return 'new';
    }
    if ((known[1] === 1) === healed) return 'known';
    this.heal.run(healed ? 1 : 0, detail, known[0]);
    return 'changed';
  }

  findings(session: string): readonly Finding[] {
    return this.ofSession.all(session).map((row) => {
      const { reportedAtMs: _, ...finding } = findingOf(row);
      return finding;
    });
  }

  page(request: PageRequest): Page<RecordedFinding> {
    return pageOf(request, (before, count) => this.newest.all(before, count), findingOf);
  }
}

function findingOf(row: FindingRow): RecordedFinding {
  const [, session, code, seq, severity, detail, healed, traceId, spanId, reportedAtMs] = row;
  return {
    session,
    code: code as FindingCode,
    severity: severity as Severity,
    seq,
    detail,
    healed: healed === 1,
    traceId,
    spanId,
    reportedAtMs,
  };
}
