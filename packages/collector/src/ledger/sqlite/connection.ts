import { statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import Database from 'libsql';
import { LedgerError } from '../errors.js';

/** What a column holds, as libsql binds and returns it. */
export type SqlValue = string | number | Uint8Array | null;

/** A prepared statement whose failures are {@link LedgerError}s. `Row` is what its select list yields, in order. */
export class Statement<Row extends readonly SqlValue[] = readonly []> {
  constructor(
    private readonly statement: Database.Statement<unknown[]>,
    private readonly connection: Connection,
  ) {}

  /** Answers the row id of an insert and the number of rows changed. */
  run(...values: readonly SqlValue[]): { readonly rowId: number; readonly changes: number } {
    try {
      const { lastInsertRowid, changes } = this.statement.run(values);
      return { rowId: Number(lastInsertRowid), changes };
    } catch (cause) {
      throw this.connection.failure(cause);
    }
  }

  first(...values: readonly SqlValue[]): Row | undefined {
    try {
      return this.statement.get(values) as Row | undefined;
    } catch (cause) {
      throw this.connection.failure(cause);
    }
  }

  /** Every row at once: a cursor left open would keep the write-ahead log from being cut back. */
  all(...values: readonly SqlValue[]): readonly Row[] {
    try {
      return this.statement.all(values) as Row[];
    } catch (cause) {
      throw this.connection.failure(cause);
    }
  }
}

/** One SQLite connection: transactions, prepared statements, and the translation of what SQLite says into {@link LedgerError}s. */
export class Connection {
  private readonly database: Database.Database;

  /** @param immutable nobody writes the file, and no log or lock is beside it or can be put there */
  constructor(
    readonly path: string,
    { immutable = false }: { readonly immutable?: boolean } = {},
  ) {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory())
      throw new LedgerError('cannot_open', `cannot open the ledger ${path}: it is a directory; name a file`);
    try {
      this.database = new Database(immutable ? `${pathToFileURL(path)}?immutable=1` : path, { timeout: BUSY_TIMEOUT_MS });
    } catch (cause) {
      throw new LedgerError(
        'cannot_open',
        `cannot open the ledger ${path}: ${reasonOf(cause)}; check that the directory exists and may be written`,
        { cause },
      );
    }
  }

  /** @param sql one statement that yields `Row`s, or none */
  prepare<Row extends readonly SqlValue[] = readonly []>(sql: string): Statement<Row> {
    try {
      const statement = this.database.prepare(sql);
      return new Statement<Row>(statement.reader ? statement.raw() : statement, this);
    } catch (cause) {
      throw this.failure(cause);
    }
  }

  execute(sql: string): void {
    try {
      this.database.exec(sql);
    } catch (cause) {
      throw this.failure(cause);
    }
  }

  transaction<T>(work: () => T): T {
    this.execute('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.execute('COMMIT');
      return result;
    } catch (error) {
      // SQLite has rolled back by itself after a full disk; and a rollback that fails must not hide why it was needed.
      try {
        if (this.database.inTransaction) this.database.exec('ROLLBACK');
      } catch {
        // The next BEGIN says what is wrong with the file.
      }
      throw error;
    }
  }

  /** Runs `work` inside the transaction that is running, or in one of its own. */
  atomically<T>(work: () => T): T {
    return this.database.inTransaction ? work() : this.transaction(work);
  }

  close(): void {
    if (this.database.open) this.database.close();
  }

  failure(cause: unknown): LedgerError {
    if (cause instanceof LedgerError) return cause;
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    if (code.startsWith('SQLITE_CORRUPT')) {
      return new LedgerError(
        'corrupt',
        `the ledger ${this.path} is damaged (${reasonOf(cause)}): keep the file, restore a backup or start with another path`,
        { cause },
      );
    }
    if (code === 'SQLITE_NOTADB') {
      return new LedgerError('not_a_ledger', `${this.path} is not a ledger (${reasonOf(cause)}): name another path`, { cause });
    }
    return new LedgerError(
      'unavailable',
      `the ledger ${this.path} cannot be used now: ${reasonOf(cause)}; check for a full disk, quotas and permissions`,
      { cause },
    );
  }
}

/** How long SQLite waits for a reader of the same file, such as an offline check, before it gives up. */
const BUSY_TIMEOUT_MS = 5_000;

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
