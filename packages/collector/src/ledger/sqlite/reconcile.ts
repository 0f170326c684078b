import type { Due, PendingReadBack, ReadBackStore } from '../../tempo/reconcile/store.js';
import type { Connection, Statement } from './connection.js';

export const RECONCILE_SCHEMA = `
  CREATE TABLE read_backs (
    session TEXT PRIMARY KEY,
    links INTEGER NOT NULL,
    unread_ms INTEGER,
    due_ms INTEGER,
    looks INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX read_backs_due ON read_backs (due_ms) WHERE due_ms IS NOT NULL;
  CREATE TABLE sent_again (
    session TEXT NOT NULL,
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (session, seq, hash)
  ) STRICT, WITHOUT ROWID;
  -- What is pruned is not read back.
  CREATE TRIGGER read_backs_of_session AFTER DELETE ON sessions BEGIN
    DELETE FROM read_backs WHERE session = OLD.session;
    DELETE FROM sent_again WHERE session = OLD.session;
  END;
`;

/** Sessions that wait to be read back from Tempo, and links that were sent there a second time. */
export class ReconcileTable implements ReadBackStore {
  private readonly insert: Statement;
  private readonly update: Statement;
  private readonly stale: Statement;
  private readonly first: Statement<[session: string, links: number, dueMs: number, looks: number]>;
  private readonly due: Statement;
  private readonly idle: Statement;
  private readonly remove: Statement;
  private readonly removeSent: Statement;
  private readonly sent: Statement<[number]>;
  private readonly note: Statement;

  constructor(connection: Connection) {
    this.insert = connection.prepare(
      'INSERT INTO read_backs (session, links, unread_ms, due_ms, looks) VALUES (?, ?, NULL, ?, 0) ON CONFLICT DO NOTHING',
    );
    this.update = connection.prepare(
      'UPDATE read_backs SET links = ?, looks = 0, unread_ms = coalesce(unread_ms, ?), due_ms = min(?, coalesce(unread_ms, ?) + ?) WHERE session = ? AND links = ?',
    );
    this.stale = connection.prepare('DELETE FROM read_backs WHERE session = ? AND links <> ?');
    this.first = connection.prepare(
      'SELECT session, links, due_ms, looks FROM read_backs WHERE due_ms IS NOT NULL ORDER BY due_ms LIMIT 1',
    );
    this.due = connection.prepare('UPDATE read_backs SET due_ms = ?, looks = ? WHERE session = ?');
    this.idle = connection.prepare('UPDATE read_backs SET due_ms = NULL, unread_ms = NULL, looks = 0 WHERE session = ?');
    this.remove = connection.prepare('DELETE FROM read_backs WHERE session = ?');
    this.removeSent = connection.prepare('DELETE FROM sent_again WHERE session = ?');
    this.sent = connection.prepare('SELECT 1 FROM sent_again WHERE session = ? AND seq = ? AND hash = ?');
    this.note = connection.prepare('INSERT INTO sent_again (session, seq, hash) VALUES (?, ?, ?) ON CONFLICT DO NOTHING');
  }

  begin(session: string, links: number, dueMs: number): void {
    this.insert.run(session, links, Math.trunc(dueMs));
  }

  more(session: string, { before, links }: { readonly before: number; readonly links: number }, at: Due): void {
    const now = Math.trunc(at.nowMs);
    this.update.run(links, now, Math.trunc(at.dueMs), now, Math.trunc(at.patienceMs), session, before);
    this.stale.run(session, links);
  }

  next(): PendingReadBack | undefined {
    const row = this.first.first();
    if (row === undefined) return undefined;
    const [session, links, dueMs, looks] = row;
    return { session, links, dueMs, looks };
  }

  postpone(session: string, dueMs: number, looks: number): void {
    this.due.run(Math.trunc(dueMs), looks, session);
  }

  rest(session: string): void {
    this.idle.run(session);
  }

  drop(session: string): void {
    this.remove.run(session);
    this.removeSent.run(session);
  }

  wasSentAgain(session: string, seq: number, hash: string): boolean {
    return this.sent.first(session, seq, hash) !== undefined;
  }

  noteSentAgain(session: string, seq: number, hash: string): void {
    this.note.run(session, seq, hash);
  }
}
