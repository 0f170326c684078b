import type { NewNotice, Notice } from '../ledger.js';
import type { Connection, Statement } from './connection.js';

/** Notices kept for one sink. A sink that is down for weeks must not fill the disk that the evidence is on. */
export const MOST_NOTICES = 10_000;

/** Findings that still have to be told, one row for each sink that is to be told. */
export class NoticesTable {
  private readonly insert: Statement;
  private readonly head: Statement<[id: number, key: string, body: string, attempts: number]>;
  private readonly remove: Statement;
  private readonly attempt: Statement<[attempts: number]>;
  private readonly total: Statement<[count: number]>;
  private readonly removeOldest: Statement;
  /** Counted once and kept up to date: counting rows at each finding would make a flood of them quadratic. */
  private readonly counted = new Map<string, number>();

  constructor(
    private readonly connection: Connection,
    private readonly most = MOST_NOTICES,
  ) {
    this.insert = connection.prepare('INSERT INTO notices (sink, key, body, attempts) VALUES (?, ?, ?, 0)');
    this.head = connection.prepare('SELECT id, key, body, attempts FROM notices WHERE sink = ? ORDER BY id LIMIT ?');
    this.remove = connection.prepare('DELETE FROM notices WHERE id = ?');
    this.attempt = connection.prepare('UPDATE notices SET attempts = attempts + 1 WHERE id = ? RETURNING attempts');
    this.total = connection.prepare('SELECT count(*) FROM notices WHERE sink = ?');
    this.removeOldest = connection.prepare('DELETE FROM notices WHERE id IN (SELECT id FROM notices WHERE sink = ? ORDER BY id LIMIT ?)');
  }

  add({ sink, key, body }: NewNotice): number {
    const count = this.count(sink) + 1;
    this.insert.run(sink, key, body);
    const excess = Math.max(0, count - this.most);
    if (excess > 0) this.removeOldest.run(sink, excess);
    this.counted.set(sink, count - excess);
    return excess;
  }

  first(sink: string, limit: number): readonly Notice[] {
    return this.head.all(sink, limit).map(([id, key, body, attempts]) => ({ id, key, body, attempts }));
  }

  drop(ids: readonly number[]): void {
    this.forget();
    this.connection.atomically(() => {
      for (const id of ids) this.remove.run(id);
    });
  }

  countAttempt(id: number): number {
    return this.attempt.all(id)[0]?.[0] ?? 0;
  }

  count(sink: string): number {
    const known = this.counted.get(sink);
    if (known !== undefined) return known;
    const count = this.total.first(sink)?.[0] ?? 0;
    this.counted.set(sink, count);
    return count;
  }

  /** After a roll-back: what was counted may never have been written. */
  forget(): void {
    this.counted.clear();
  }
}
