import type { Approval } from '../../approvals/model.js';
import type { ApprovalStore } from '../../approvals/store.js';
import type { Page, PageRequest } from '../ledger.js';
import type { Connection, Statement } from './connection.js';
import { pageOf } from './pages.js';

/** Requests for approval, and the signed messages that were heard. What is asked about the state stands in columns; the rest is JSON. */
export const APPROVALS_SCHEMA = `
  CREATE TABLE approvals (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    request TEXT NOT NULL UNIQUE,
    session TEXT NOT NULL,
    seq INTEGER NOT NULL,
    agent TEXT NOT NULL,
    expires_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    approval TEXT NOT NULL,
    UNIQUE (session, seq)
  ) STRICT;
  CREATE INDEX approvals_pending ON approvals (id) WHERE state = 'pending';
  CREATE INDEX approvals_expiry ON approvals (expires_ms) WHERE state = 'pending';
  CREATE TABLE heard (message TEXT PRIMARY KEY, heard_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX heard_by_time ON heard (heard_ms);
`;

type Row = readonly [id: number, approval: string];

export class ApprovalsTable implements ApprovalStore {
  private readonly save: Statement;
  private readonly byId: Statement<Row>;
  private readonly byIntent: Statement<Row>;
  private readonly pending: Statement<Row>;
  private readonly count: Statement<[count: number]>;
  private readonly countOf: Statement<[count: number]>;
  private readonly overdue: Statement<Row>;
  private readonly newest: Statement<Row>;
  private readonly ofSession: Statement<Row>;
  private readonly hear: Statement;
  private readonly unhear: Statement;

  constructor(private readonly connection: Connection) {
    this.save = connection.prepare(
      'INSERT INTO approvals (request, session, seq, agent, expires_ms, state, approval) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (request) DO UPDATE SET state = excluded.state, approval = excluded.approval',
    );
    this.byId = connection.prepare('SELECT id, approval FROM approvals WHERE request = ?');
    this.byIntent = connection.prepare('SELECT id, approval FROM approvals WHERE session = ? AND seq = ?');
    this.pending = connection.prepare("SELECT id, approval FROM approvals WHERE state = 'pending' ORDER BY id LIMIT ?");
    this.overdue = connection.prepare("SELECT id, approval FROM approvals WHERE state = 'pending' AND expires_ms <= ? ORDER BY id");
    this.countOf = connection.prepare("SELECT count(*) FROM approvals WHERE state = 'pending' AND agent = ?");
    this.count = connection.prepare("SELECT count(*) FROM approvals WHERE state = 'pending'");
    this.newest = connection.prepare('SELECT id, approval FROM approvals WHERE id < ? ORDER BY id DESC LIMIT ?');
    this.ofSession = connection.prepare('SELECT id, approval FROM approvals WHERE session = ?');
    this.hear = connection.prepare('INSERT INTO heard (message, heard_ms) VALUES (?, ?) ON CONFLICT DO NOTHING');
    this.unhear = connection.prepare('DELETE FROM heard WHERE heard_ms < ?');
  }

  atomically<T>(work: () => T): T {
    return this.connection.transaction(work);
  }

  approval(id: string): Approval | undefined {
    return approvalOf(this.byId.first(id));
  }

  ofIntent(session: string, seq: number): Approval | undefined {
    return approvalOf(this.byIntent.first(session, seq));
  }

  saveApproval(approval: Approval): void {
    const { id, session, seq, agent } = approval.request;
    this.save.run(id, session, seq, agent, Math.trunc(approval.expiresAtMs), approval.state, JSON.stringify(approval));
  }

  overdueApprovals(nowMs: number): readonly Approval[] {
    return this.overdue.all(Math.trunc(nowMs)).map(([, text]) => JSON.parse(text) as Approval);
  }

  pendingApprovals(limit: number): readonly Approval[] {
    return this.pending.all(limit).map(([, text]) => JSON.parse(text) as Approval);
  }

  pendingCount(agent?: string): number {
    return (agent === undefined ? this.count.first() : this.countOf.first(agent))?.[0] ?? 0;
  }

  approvalsPage(request: PageRequest): Page<Approval> {
    return pageOf(
      request,
      (before, count) => this.newest.all(before, count),
      ([, text]) => JSON.parse(text) as Approval,
    );
  }

  noteMessage(id: string, atMs: number, forgetBeforeMs: number): boolean {
    this.unhear.run(Math.trunc(forgetBeforeMs));
    return this.hear.run(id, Math.trunc(atMs)).changes > 0;
  }

  eraseApprovals(session: string): void {
    for (const [, text] of this.ofSession.all(session)) {
      const approval = JSON.parse(text) as Approval;
      const { arguments: _arguments, salt: _salt, reason: _reason, ...request } = approval.request;
      this.saveApproval({ ...approval, request, decisions: approval.decisions.map((decision) => ({ ...decision, comment: '' })) });
    }
  }
}

function approvalOf(row: Row | undefined): Approval | undefined {
  return row && (JSON.parse(row[1]) as Approval);
}
