import { closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Finding, LinkCopy } from '@agent-custody/chain';
import { LedgerError } from '../errors.js';
import type { Ledger, OutboxEntry, Page, PageRequest, RecordedFinding, SessionRow, VerdictCount } from '../ledger.js';
import { Connection, type Statement } from './connection.js';
import { FindingsTable } from './findings.js';
import { LinksTable } from './links.js';
import { OutboxTable } from './outbox.js';
import { migrate, SCHEMA_VERSION, versionOf } from './schema.js';
import { SessionsTable } from './sessions.js';

const MEMORY = ':memory:';

/**
 * Opens a ledger for writing, and creates it when it is not there: the file with mode 0600, missing directories with 0700.
 *
 * @param path a file, or `:memory:`
 * @throws LedgerError `in_use`, `cannot_open`, `not_a_ledger`, `newer_version`, `corrupt`, `unavailable`
 * @example const ledger = openSqliteLedger('/var/lib/agent-custody/ledger.db');
 */
export function openSqliteLedger(path: string): Ledger {
  if (path === MEMORY) {
    const connection = new Connection(MEMORY);
    migrate(connection);
    return new SqliteLedger(connection, undefined);
  }
  createPrivately(path);
  const lock = takeLock(path);
  try {
    const connection = new Connection(path);
    // FULL: a commit is on disk when it returns, which is what the answer 200 promises. Pages of 16 KiB (in a new file) and a
    // checkpoint every 32 MiB: what is forwarded is written and deleted again in large pieces, and most of it is gone before the
    // checkpoint would copy it into the file.
    connection.execute(
      'PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 2048; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -65536',
    );
    migrate(connection);
    return new SqliteLedger(connection, lock);
  } catch (error) {
    lock.close();
    throw error;
  }
}

/**
 * Opens a ledger for reading only, also while a collector writes it. Every call that would write throws `unavailable`.
 *
 * @throws LedgerError `cannot_open`, `not_a_ledger`, `newer_version`, `corrupt`, `unavailable`
 */
export function readSqliteLedger(path: string): Ledger {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) {
    throw new LedgerError('cannot_open', `there is no ledger at ${path}: check the path`);
  }
  const connection = new Connection(path);
  if (versionOf(connection) !== SCHEMA_VERSION) {
    throw new LedgerError(
      'not_a_ledger',
      `${path} holds no ledger of schema version ${SCHEMA_VERSION}: run the collector of this release on it once`,
    );
  }
  connection.execute('PRAGMA query_only = ON');
  return new SqliteLedger(connection, undefined);
}

function createPrivately(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // Only what is not there: opening and closing a file by ourselves would drop every lock that SQLite holds on it in this process
    // (fcntl locks go with the first descriptor that is closed).
    closeSync(openSync(path, 'wx', 0o600));
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') return;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LedgerError(
      'cannot_open',
      `cannot open the ledger ${path}: ${reason}; name a file in a directory that the collector may write`,
      { cause },
    );
  }
}

/**
 * Claims the ledger for this process. Two collectors on one ledger would each judge half of a chain. The claim is an exclusive
 * lock on a file beside it, held by the operating system: gone with the process, however it dies; and the ledger itself stays
 * open to readers.
 */
function takeLock(path: string): Connection {
  const lockPath = `${path}.lock`;
  createPrivately(lockPath);
  const lock = new Connection(lockPath);
  try {
    lock.execute('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
    return lock;
  } catch (cause) {
    lock.close();
    throw new LedgerError('in_use', `the ledger ${path} is in use by another collector: stop that one first, or name another ledger`, {
      cause,
    });
  }
}

class SqliteLedger implements Ledger {
  private readonly linksTable: LinksTable;
  private readonly findingsTable: FindingsTable;
  private readonly sessionsTable: SessionsTable;
  private readonly outbox: OutboxTable;
  private readonly announce: Statement;
  private readonly probeWrite: Statement;
  private readonly pages: Statement<[bytes: number]>;

  constructor(
    private readonly connection: Connection,
    private readonly lock: Connection | undefined,
  ) {
    this.linksTable = new LinksTable(connection);
    this.findingsTable = new FindingsTable(connection);
    this.sessionsTable = new SessionsTable(connection);
    this.outbox = new OutboxTable(connection);
    this.announce = connection.prepare('INSERT INTO announced (key) VALUES (?) ON CONFLICT DO NOTHING');
    this.probeWrite = connection.prepare('UPDATE probe SET count = count + 1');
    this.pages = connection.prepare('SELECT page_count * page_size FROM pragma_page_count, pragma_page_size');
  }

  transaction<T>(work: () => T): T {
    try {
      return this.connection.transaction(work);
    } catch (error) {
      this.linksTable.forget();
      this.outbox.forget();
      throw error;
    }
  }

  keep(link: LinkCopy): void {
    this.linksTable.keep(link);
  }

  copies(session: string, seq: number): readonly LinkCopy[] {
    return this.linksTable.copies(session, seq);
  }

  links(session: string, from: number): Iterable<LinkCopy> {
    return this.linksTable.links(session, from);
  }

  action(session: string, actionId: string): readonly LinkCopy[] {
    return this.linksTable.action(session, actionId);
  }

  spawnsOf(child: string): readonly LinkCopy[] {
    return this.linksTable.spawnsOf(child);
  }

  childrenOf(parent: string): readonly LinkCopy[] {
    return this.linksTable.childrenOf(parent);
  }

  sharers(agentId: string, memoryStore: string): readonly LinkCopy[] {
    return this.linksTable.sharers(agentId, memoryStore);
  }

  findings(session: string): readonly Finding[] {
    return this.findingsTable.findings(session);
  }

  allLinks(): Iterable<LinkCopy> {
    return this.linksTable.allLinks();
  }

  recordFinding(finding: Finding, atMs: number): 'new' | 'changed' | 'known' {
    return this.findingsTable.record(finding, atMs);
  }

  findingsPage(page: PageRequest): Page<RecordedFinding> {
    return this.findingsTable.page(page);
  }

  session(session: string): SessionRow | undefined {
    return this.sessionsTable.session(session);
  }

  saveSession(row: SessionRow): void {
    this.sessionsTable.save(row);
  }

  sessionsPage(page: PageRequest): Page<SessionRow> {
    return this.sessionsTable.page(page);
  }

  waitingSessions(): readonly string[] {
    return this.sessionsTable.waiting();
  }

  verdictCounts(): readonly VerdictCount[] {
    return this.sessionsTable.verdictCounts();
  }

  hold(session: string, seq: number, request: Uint8Array): void {
    this.outbox.hold(session, seq, request);
  }

  takeHeld(session: string, seq: number): readonly Uint8Array[] {
    return this.outbox.takeHeld(session, seq);
  }

  heldLinks(session: string): readonly number[] {
    return this.outbox.heldLinks(session);
  }

  heldSessions(): readonly string[] {
    return this.outbox.heldSessions();
  }

  enqueue(request: Uint8Array, spans: number): void {
    this.outbox.enqueue(request, spans);
  }

  outboxHead(bounds: { readonly bytes: number; readonly spans: number; readonly after: number }): readonly OutboxEntry[] {
    return this.outbox.head(bounds);
  }

  acknowledge(ids: readonly number[]): void {
    this.outbox.acknowledge(ids);
  }

  splitEntry(id: number, parts: readonly { readonly request: Uint8Array; readonly spans: number }[]): void {
    this.outbox.split(id, parts);
  }

  setAside(id: number, reason: string): void {
    this.outbox.setAside(id, reason);
  }

  requeueAside(): void {
    this.outbox.requeueAside();
  }

  outboxSize(): { readonly spans: number; readonly aside: number } {
    return this.outbox.size();
  }

  noteRegisterEntry(key: string): boolean {
    return this.announce.run(key).changes > 0;
  }

  probe(): void {
    this.probeWrite.run();
  }

  bytes(): number {
    if (this.connection.path === MEMORY) return this.pages.first()?.[0] ?? 0;
    return sizeOf(this.connection.path) + sizeOf(`${this.connection.path}-wal`);
  }

  close(): void {
    this.connection.close();
    this.lock?.close();
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
