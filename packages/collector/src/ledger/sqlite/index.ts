import { statSync } from 'node:fs';
import type { Finding, LinkCopy } from '@agent-custody/chain';
import type { ApprovalStore } from '../../approvals/store.js';
import type { ReadBackStore } from '../../tempo/reconcile/store.js';
import { LedgerError } from '../errors.js';
import type {
  Act,
  Disposed,
  Erasure,
  Kin,
  Ledger,
  NewNotice,
  Notice,
  OutboxEntry,
  Page,
  PageRequest,
  PrunedSession,
  Pruning,
  RecordedFinding,
  Rewritten,
  Run,
  SessionRow,
  VerdictCount,
} from '../ledger.js';
import { prunedLink } from '../pruned.js';
import { ApprovalsTable } from './approvals.js';
import { createPrivately, takeLock } from './claim.js';
import { Connection, type Statement } from './connection.js';
import { DispositionsTable } from './dispositions.js';
import { Eraser } from './erase.js';
import { FindingsTable } from './findings.js';
import { KinTable } from './kin.js';
import { LinksTable } from './links.js';
import { NoticesTable } from './notices.js';
import { OutboxTable } from './outbox.js';
import { Pruner } from './prune.js';
import { openForReading, sizeOf } from './reading.js';
import { ReconcileTable } from './reconcile.js';
import { RunsTable } from './runs.js';
import { migrate, SCHEMA_VERSION } from './schema.js';
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
  const { connection, version } = openForReading(path);
  if (version !== SCHEMA_VERSION) {
    throw new LedgerError(
      'not_a_ledger',
      `${path} holds no ledger of schema version ${SCHEMA_VERSION}: run the collector of this release on it once`,
    );
  }
  connection.execute('PRAGMA query_only = ON');
  return new SqliteLedger(connection, undefined);
}

class SqliteLedger implements Ledger {
  private readonly linksTable: LinksTable;
  private readonly findingsTable: FindingsTable;
  private readonly sessionsTable: SessionsTable;
  private readonly outbox: OutboxTable;
  private readonly noticesTable: NoticesTable;
  private readonly runsTable: RunsTable;
  private readonly dispositionsTable: DispositionsTable;
  private readonly kinTable: KinTable;
  private readonly pruner: Pruner;
  private readonly eraser: Eraser;
  readonly approvals: ApprovalStore;
  readonly readBacks: ReadBackStore;
  private readonly announce: Statement;
  private readonly probeWrite: Statement;
  private readonly pages: Statement<[bytes: number]>;

  constructor(
    private readonly connection: Connection,
    private readonly lock: Connection | undefined,
  ) {
    this.linksTable = new LinksTable(connection, connection.path === MEMORY);
    this.findingsTable = new FindingsTable(connection);
    this.sessionsTable = new SessionsTable(connection);
    this.outbox = new OutboxTable(connection);
    this.noticesTable = new NoticesTable(connection);
    this.runsTable = new RunsTable(connection);
    this.dispositionsTable = new DispositionsTable(connection, lock !== undefined || connection.path === MEMORY);
    this.kinTable = new KinTable(connection);
    this.pruner = new Pruner({ connection, links: this.linksTable, kin: this.kinTable, dispositions: this.dispositionsTable });
    this.approvals = new ApprovalsTable(connection);
    this.eraser = new Eraser(connection, this.dispositionsTable, this.approvals);
    this.readBacks = new ReconcileTable(connection);
    this.announce = connection.prepare('INSERT INTO announced (key) VALUES (?) ON CONFLICT DO NOTHING');
    this.probeWrite = connection.prepare('UPDATE probe SET count = count + 1');
    this.pages = connection.prepare('SELECT page_count * page_size FROM pragma_page_count, pragma_page_size');
  }

  transaction<T>(work: () => T): T {
    this.linksTable.settle();
    try {
      return this.connection.transaction(() => this.linksTable.gathering(work));
    } catch (error) {
      this.linksTable.forget();
      this.outbox.forget();
      this.noticesTable.forget();
      this.kinTable.forget();
      throw error;
    }
  }

  keep(link: LinkCopy): void {
    this.linksTable.keep(link);
  }

  copies(session: string, seq: number): readonly LinkCopy[] {
    const copies = this.linksTable.copies(session, seq);
    return copies.length > 0 ? copies : this.absent(session, seq);
  }

  links(session: string, from: number): Iterable<LinkCopy> {
    return this.linksTable.links(session, from);
  }

  action(session: string, actionId: string): readonly LinkCopy[] {
    return this.linksTable.action(session, actionId);
  }

  spawnsOf(child: string): readonly LinkCopy[] {
    return [...this.linksTable.spawnsOf(child), ...this.kinTable.spawnsOf(child)];
  }

  childrenOf(parent: string): readonly LinkCopy[] {
    return [...this.linksTable.childrenOf(parent), ...this.kinTable.childrenOf(parent)];
  }

  sharers(agentId: string, memoryStore: string): readonly Pick<LinkCopy, 'session' | 'time'>[] {
    return [...this.linksTable.sharers(agentId, memoryStore), ...this.kinTable.sharers(agentId, memoryStore)];
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

  enqueue(request: Uint8Array, spans: number, packed?: Uint8Array): void {
    this.outbox.enqueue(request, spans, packed);
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

  undelivered(): Iterable<Uint8Array> {
    return this.outbox.undelivered();
  }

  outboxRange(): { readonly oldest: number; readonly newest: number } | undefined {
    return this.outbox.range();
  }

  outboxSize(): { readonly spans: number; readonly aside: number } {
    return this.outbox.size();
  }

  noteRegisterEntry(key: string): boolean {
    return this.announce.run(key).changes > 0;
  }

  addNotice(notice: NewNotice): number {
    return this.noticesTable.add(notice);
  }

  noticesWaiting(sink: string): number {
    return this.noticesTable.count(sink);
  }

  notices(sink: string, limit: number): readonly Notice[] {
    return this.noticesTable.first(sink, limit);
  }

  dropNotices(ids: readonly number[]): void {
    this.noticesTable.drop(ids);
  }

  countNoticeAttempt(id: number): number {
    return this.noticesTable.countAttempt(id);
  }

  noteRun(atMs: number, state: 'receiving' | 'stopped'): void {
    this.runsTable.note(atMs, state);
  }

  runs(): readonly Run[] {
    return this.runsTable.all();
  }

  prunable(beforeMs: number, limit: number): readonly string[] {
    this.linksTable.settle();
    return this.pruner.prunable(beforeMs, limit);
  }

  prune(sessions: readonly string[], act: Act & { readonly beforeMs: number }): Pruning {
    this.linksTable.settle();
    return this.connection.atomically(() => this.pruner.prune(sessions, act));
  }

  prunedSession(session: string): PrunedSession | undefined {
    return this.dispositionsTable.pruned(session);
  }

  prunedBy(disposition: number): readonly PrunedSession[] {
    return this.dispositionsTable.prunedBy(disposition);
  }

  erase(session: string, act: Act, rewrite: (request: Uint8Array) => Rewritten | undefined): Erasure | undefined {
    this.linksTable.settle();
    const erasure = this.eraser.erase(session, act, rewrite);
    this.outbox.forget();
    this.noticesTable.forget();
    return erasure;
  }

  dispositions(): readonly Disposed[] {
    return this.dispositionsTable.all();
  }

  kin(): Iterable<Kin> {
    return this.kinTable.all();
  }

  keepKin(kin: Kin): void {
    this.kinTable.keep(kin);
  }

  compact(): void {
    this.connection.execute('VACUUM');
    if (this.connection.path === MEMORY) return;
    // The log holds the old pages until it is cut: a reader that is in the middle of something keeps it from being.
    const [busy] = this.connection.prepare<[busy: number]>('PRAGMA wal_checkpoint(TRUNCATE)').first() ?? [0];
    if (busy === 0) return;
    throw new LedgerError(
      'unavailable',
      `the ledger ${this.connection.path} is being read, so what was removed from it is still in ${this.connection.path}-wal: end what reads it and try again`,
    );
  }

  probe(): void {
    this.probeWrite.run();
  }

  bytes(): number {
    if (this.connection.path === MEMORY) return this.pages.first()?.[0] ?? 0;
    return sizeOf(this.connection.path) + sizeOf(`${this.connection.path}-wal`);
  }

  /**
   * Brings the log into the file, so that a copy of the file alone is a copy of the evidence. (Closing does not: SQLite does it with
   * the last connection, which libsql keeps for as long as a statement of it has not been collected.) A reader is not waited for.
   */
  private mergeLog(): void {
    try {
      this.connection.execute('PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE)');
    } catch (error) {
      // A full disk: everything is in the log, which the next start reads.
      if (!(error instanceof LedgerError)) throw error;
    }
  }

  /** What there is of a place where no link is: what is kept for the sake of others. */
  private absent(session: string, seq: number): readonly LinkCopy[] {
    const known = this.kinTable.at(session, seq);
    if (known !== undefined) return known;
    const pruned = seq === 1 ? undefined : this.dispositionsTable.pruned(session);
    return pruned !== undefined && seq <= pruned.highestSeq ? [prunedLink(session, seq)] : [];
  }

  close(): void {
    if (this.lock !== undefined) this.mergeLog();
    this.connection.close();
    this.lock?.close();
  }
}
