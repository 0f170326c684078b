import { LedgerError } from '../errors.js';
import type { Connection } from './connection.js';

/** Marks the file as ours ("ACUS"), so that no other database is taken for a ledger. */
const APPLICATION_ID = 0x41435553;

/**
 * The steps from each schema version to the next; a ledger's `user_version` says how many it has been through. Steps are never
 * edited once released, only added.
 *
 * `links` holds the preimage and not the attributes: they are inside it, and an offline check recomputes from what was hashed.
 * The columns beside it are what look-ups need. SQLite ends a bound text at a NUL, so a look-up by a text of the agent's choice
 * may find too much and is compared again with the attributes themselves.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE links (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL,
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL,
    preimage TEXT NOT NULL,
    content TEXT,
    recomputes INTEGER NOT NULL,
    disclosure INTEGER NOT NULL,
    action TEXT,
    child TEXT,
    parent TEXT,
    agent TEXT,
    store TEXT
  ) STRICT;
  CREATE INDEX links_by_seq ON links (session, seq);
  CREATE INDEX links_by_action ON links (session, action) WHERE action IS NOT NULL;
  CREATE INDEX links_by_child ON links (child) WHERE child IS NOT NULL;
  CREATE INDEX links_by_parent ON links (parent) WHERE parent IS NOT NULL;
  CREATE INDEX links_by_store ON links (agent, store) WHERE store IS NOT NULL;

  CREATE TABLE findings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL,
    code TEXT NOT NULL,
    seq INTEGER NOT NULL,
    severity TEXT NOT NULL,
    detail TEXT NOT NULL,
    healed INTEGER NOT NULL,
    trace_id TEXT NOT NULL,
    span_id TEXT NOT NULL,
    reported_ms INTEGER NOT NULL,
    UNIQUE (session, seq, code)
  ) STRICT;

  CREATE TABLE sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL UNIQUE,
    agent TEXT NOT NULL,
    agent_name TEXT NOT NULL,
    principal TEXT NOT NULL,
    owner TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    highest_seq INTEGER NOT NULL,
    trace_id TEXT NOT NULL,
    span_id TEXT NOT NULL,
    links INTEGER NOT NULL,
    open_findings INTEGER NOT NULL,
    integrity TEXT NOT NULL,
    completeness TEXT NOT NULL,
    authority TEXT NOT NULL,
    first_seen_ms INTEGER NOT NULL,
    last_seen_ms INTEGER NOT NULL,
    waiting INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX sessions_waiting ON sessions (id) WHERE waiting = 1;

  CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    spans INTEGER NOT NULL,
    request BLOB NOT NULL
  ) STRICT;
  CREATE TABLE aside (
    id INTEGER PRIMARY KEY,
    spans INTEGER NOT NULL,
    reason TEXT NOT NULL,
    request BLOB NOT NULL
  ) STRICT;
  CREATE TABLE held (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL,
    seq INTEGER NOT NULL,
    request BLOB NOT NULL
  ) STRICT;
  CREATE INDEX held_by_seq ON held (session, seq);

  CREATE TABLE announced (key TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  CREATE TABLE probe (id INTEGER PRIMARY KEY, count INTEGER NOT NULL) STRICT;
  INSERT INTO probe VALUES (1, 0);
  `,
];

/** The schema version that this release reads and writes. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/**
 * Brings a ledger to {@link SCHEMA_VERSION}; a new, empty file becomes one.
 *
 * @throws LedgerError `not_a_ledger`, `newer_version`
 */
export function migrate(connection: Connection): void {
  const found = versionOf(connection);
  if (found === SCHEMA_VERSION) return;
  connection.transaction(() => {
    for (const step of MIGRATIONS.slice(found)) connection.execute(step);
    connection.execute(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}`);
  });
}

/** The schema version of a file, 0 when it is empty. @throws LedgerError `not_a_ledger`, `newer_version` */
export function versionOf(connection: Connection): number {
  const application = connection.prepare<[number]>('PRAGMA application_id').first()?.[0] ?? 0;
  const version = connection.prepare<[number]>('PRAGMA user_version').first()?.[0] ?? 0;
  const tables = connection.prepare<[number]>('SELECT count(*) FROM sqlite_schema').first()?.[0] ?? 0;
  if (application !== APPLICATION_ID && (application !== 0 || version !== 0 || tables !== 0)) {
    throw new LedgerError('not_a_ledger', `${connection.path} is some other application's database: name another path for the ledger`);
  }
  if (version > SCHEMA_VERSION) {
    throw new LedgerError(
      'newer_version',
      `the ledger ${connection.path} has schema version ${version}, this release knows ${SCHEMA_VERSION}: use a release at least as new as the one that wrote it`,
    );
  }
  return version;
}
