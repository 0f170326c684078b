import { LedgerError } from '../errors.js';
import { APPROVALS_SCHEMA } from './approvals.js';
import type { Connection } from './connection.js';
import { RECONCILE_SCHEMA } from './reconcile.js';

/** Marks the file as ours ("ACUS"), so that no other database is taken for a ledger. */
const APPLICATION_ID = 0x41435553;

/**
 * The steps from each schema version to the next; a ledger's `user_version` says how many it has been through. Steps are never
 * edited once released, only added.
 *
 * `segments` holds what one commit brought of one session and one block of sequence numbers, packed: a row for each link costs more
 * than all else that is done to it (see segments.ts for the text). It holds preimages and not attributes: they are inside, and an
 * offline check recomputes from what was hashed. Segments are in the order of arrival by id.
 *
 * `actions` says in which blocks of its session an action is spoken of; `relations` where the links are by which sessions of others
 * find each other. SQLite ends a text at a NUL, so a look-up by a text of the agent's choice may find too much and is compared
 * again with the attributes themselves.
 *
 * To remove a session: its rows in `segments`, `actions` and `relations`. To remove content: `segments.links` alone, rewritten with
 * `withoutContent`.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE segments (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL,
    block INTEGER NOT NULL,
    links TEXT NOT NULL
  ) STRICT;
  CREATE INDEX segments_by_block ON segments (session, block);
  CREATE TABLE actions (
    session TEXT NOT NULL,
    action TEXT NOT NULL,
    block INTEGER NOT NULL,
    PRIMARY KEY (session, action, block)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE relations (
    key TEXT NOT NULL,
    time TEXT NOT NULL,
    session TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (key, time, session, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX relations_of_session ON relations (session);

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

${APPROVALS_SCHEMA}${RECONCILE_SCHEMA}
  CREATE TABLE announced (key TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  CREATE TABLE probe (id INTEGER PRIMARY KEY, count INTEGER NOT NULL) STRICT;
  INSERT INTO probe VALUES (1, 0);
  `,
  // What is still to be told, and what became of what is no longer here (see notices.ts, runs.ts, dispositions.ts, kin.ts).
  `
  CREATE TABLE notices (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sink TEXT NOT NULL,
    key TEXT NOT NULL,
    body TEXT NOT NULL,
    attempts INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX notices_by_sink ON notices (sink, id);

  CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    started_ms INTEGER NOT NULL,
    alive_ms INTEGER NOT NULL,
    stopped INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE dispositions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    record TEXT NOT NULL,
    hash TEXT NOT NULL
  ) STRICT;
  CREATE TABLE pruned (
    session TEXT NOT NULL,
    disposition INTEGER NOT NULL,
    highest_seq INTEGER NOT NULL,
    links INTEGER NOT NULL,
    end_hash TEXT NOT NULL,
    PRIMARY KEY (session, disposition)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX pruned_by_disposition ON pruned (disposition);
  CREATE TABLE kin (
    session TEXT NOT NULL,
    seq INTEGER NOT NULL,
    ended TEXT NOT NULL,
    links TEXT NOT NULL,
    PRIMARY KEY (session, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX sessions_by_age ON sessions (last_seen_ms) WHERE waiting = 0;
  `,
];

/** Layouts up to this one were never released; nothing leads from them to a later one. */
const UNRELEASED = 1;

/** The schema version that this release reads and writes. */
export const SCHEMA_VERSION = UNRELEASED + MIGRATIONS.length;

/**
 * Brings a ledger to {@link SCHEMA_VERSION}; a new, empty file becomes one.
 *
 * @throws LedgerError `not_a_ledger`, `newer_version`
 */
export function migrate(connection: Connection): void {
  const found = versionOf(connection);
  if (found === SCHEMA_VERSION) return;
  connection.transaction(() => {
    for (const step of MIGRATIONS.slice(Math.max(0, found - UNRELEASED))) connection.execute(step);
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
  if (version > 0 && version <= UNRELEASED) {
    throw new LedgerError(
      'not_a_ledger',
      `the ledger ${connection.path} has schema version ${version}, which no release has written: keep it for the build that wrote it and name another path`,
    );
  }
  return version;
}
