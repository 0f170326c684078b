import type { Run } from '../ledger.js';
import type { Connection, Statement } from './connection.js';

/** When collectors were receiving into this ledger: what a report says of the times in which nothing could arrive. */
export class RunsTable {
  private readonly insert: Statement;
  private readonly extend: Statement;
  private readonly every: Statement<[startedMs: number, aliveMs: number, stopped: number]>;
  private current: number | undefined;

  constructor(connection: Connection) {
    this.insert = connection.prepare('INSERT INTO runs (started_ms, alive_ms, stopped) VALUES (?, ?, 0)');
    this.extend = connection.prepare('UPDATE runs SET alive_ms = max(alive_ms, ?), stopped = ? WHERE id = ?');
    this.every = connection.prepare('SELECT started_ms, alive_ms, stopped FROM runs ORDER BY id');
  }

  note(atMs: number, state: 'receiving' | 'stopped'): void {
    const now = Math.trunc(atMs);
    if (this.current === undefined) this.current = this.insert.run(now, now).rowId;
    this.extend.run(now, state === 'stopped' ? 1 : 0, this.current);
  }

  all(): readonly Run[] {
    return this.every.all().map(([startedMs, aliveMs, stopped]) => ({ startedMs, aliveMs, stopped: stopped === 1 }));
  }
}
