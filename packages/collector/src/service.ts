import { statSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { DEFAULT_LIMITS, type LinkCopy, type SessionReport } from '@agent-custody/chain';
import type { Logger } from 'pino';
import { type ApprovalRequest, agreementOf } from './approvals/index.js';
import { type ApprovalSettings, type OpenApprovals, openApprovals } from './approvals/open.js';
import { createEngine, type Engine } from './engine/index.js';
import { createForwarder, type Forwarder } from './forward/index.js';
import { DailyRetention } from './handover/retention.js';
import { RunRecord } from './handover/run-record.js';
import { nodeHashing } from './hashing.js';
import { type Ledger, openSqliteLedger, type RecordedLink } from './ledger/index.js';
import { createLog, type LogLevel } from './log.js';
import { createMetrics, type Metrics } from './metrics.js';
import { createNotifier, type FindingsOptions, type Notifier } from './notify/notifier.js';
import { Readiness } from './readiness.js';
import { createReceiver, type Receiver, type ReceiverLimits, type ReceiverOptions } from './receive/index.js';
import { RegisterInForce } from './register-in-force.js';
import { type Forwarding, isLoopback } from './settings/forwarding.js';
import type { IngestToken } from './settings/tokens.js';
import type { ListenAddress } from './settings/values.js';
import { openReconciler, ReadBackTracking, type Reconciler, type Reconciliation } from './tempo/reconcile/index.js';
import { createWatch, type Watch } from './watch/watch.js';
import { createWeb, type Web } from './web.js';

/** What a collector runs with. Everything but the ledger has a default. */
export interface CollectorOptions {
  /** Default 127.0.0.1:4318; port 0 takes a free one. Beyond loopback give tokens: nothing here refuses their absence. */
  readonly listen?: ListenAddress;
  /** The ledger file, made when it is not there; `:memory:` for one that is not kept. */
  readonly ledger: string;
  /** Where to forward; absent: the outbox is off. */
  readonly forwarding?: Forwarding | undefined;
  /** The query API of the same Tempo, for people. */
  readonly tempoQuery?: string | undefined;
  /** Sessions are read back from Tempo; goes with {@link forwarding}. */
  readonly reconcile?: Reconciliation | undefined;
  /** How long a missing link may still arrive, ms (default 30 000). */
  readonly gapGraceMs?: number;
  /** How long an open session may be silent, ms (default 900 000). */
  readonly sessionIdleMs?: number;
  /** The register of approved states: a file, watched. */
  readonly register?: string | undefined;
  /** PEM text. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  readonly ingestTokens?: readonly IngestToken[];
  readonly readerTokenSha256?: string | undefined;
  readonly limits?: Partial<Omit<ReceiverLimits, 'connections'>>;
  readonly sessionsInMemory?: number;
  /** How long agents may be silent, by agent id, ms; others of the register are held against their own history. */
  readonly expectedAgents?: ReadonlyMap<string, number>;
  /** Spans waiting for Tempo beyond which the collector calls itself not ready (default 1 000 000). */
  readonly outboxSpans?: number;
  /** Whom to tell of findings, beside Tempo, the metrics and the API. */
  readonly findings?: FindingsOptions | undefined;
  /** Who decides about approvals, and how people hear of them. */
  readonly approvals?: ApprovalSettings | undefined;
  /** Prune, once a day, sessions whose last link is older, days. Absent: everything is kept. */
  readonly retainDays?: number | undefined;
  readonly logLevel?: LogLevel;
  /** In place of the log on standard error. */
  readonly log?: Logger;
}

/** A running collector. */
export interface Collector {
  /** Such as `http://127.0.0.1:4318`: agents send to `/v1/traces` under it. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** The judgement of a session as of the last tick. */
  report(session: string): SessionReport | undefined;
  /** The links of a session, ascending by seq. */
  links(session: string): readonly RecordedLink[];
  /** Lets time pass at once instead of at the next second. */
  tick(): void;
  /** The findings log was moved away: from now on its lines go to a new file. */
  reopenLogs(): void;
  /**
   * Takes nothing more, answers what is in flight, gives the request to Tempo that is under way a moment to finish, and lets go of
   * the ledger; what was not forwarded stays in it for the next start. Safe to call twice.
   */
  close(): Promise<void>;
}

const TICK_MS = 1_000;
/** How long requests in flight have to finish, and then the one to Tempo, ms. Together under the 10 s after which Docker kills. */
const DRAIN_MS = 5_000;
const FORWARD_DRAIN_MS = 3_000;

/**
 * Starts a collector: ledger, verifier, forwarder and receiver in one process.
 *
 * @throws LedgerError, ReceiverError, RegisterFileError: the machine or the options do not let it start; nothing is left open
 * @example const collector = await startCollector({ ledger: 'ledger.db', listen: { host: '127.0.0.1', port: 0 } });
 */
export async function startCollector(options: CollectorOptions): Promise<Collector> {
  const log = options.log ?? createLog(options.logLevel ?? 'info');
  const register = options.register === undefined ? undefined : new RegisterInForce(options.register);
  const ledger = openSqliteLedger(options.ledger);
  const metrics = createMetrics();
  const opened: { forwarder?: Forwarder; receiver?: Receiver; notifier?: Notifier; approvals?: OpenApprovals; web?: Web; url?: string } =
    {};
  try {
    const forwarder = options.forwarding && createForwarder({ ledger, ...options.forwarding, log, metrics });
    if (forwarder !== undefined) opened.forwarder = forwarder;
    const notifier = options.findings && createNotifier({ ledger, log, metrics, findings: options.findings });
    if (notifier !== undefined) opened.notifier = notifier;
    const watch = createWatch(ledger, {
      expected: options.expectedAgents ?? new Map(),
      leastMs: options.sessionIdleMs ?? DEFAULT_LIMITS.sessionIdleMs,
      register: register?.first,
    });
    const engine = createEngine({
      ledger,
      hashing: nodeHashing,
      log,
      metrics,
      forwarder,
      listener: watch.listener,
      notices: notifier,
      updates: options.forwarding && options.reconcile && new ReadBackTracking(ledger.readBacks, options.reconcile.afterMs),
      ...(register && { register: register.first }),
      limits: {
        ...(options.gapGraceMs !== undefined && { gapGraceMs: options.gapGraceMs }),
        ...(options.sessionIdleMs !== undefined && { sessionIdleMs: options.sessionIdleMs }),
      },
      ...(options.sessionsInMemory !== undefined && { sessionsInMemory: options.sessionsInMemory }),
    });
    const readiness = new Readiness(engine, ledger, { outboxSpans: options.outboxSpans ?? 1_000_000, now: () => performance.now() });
    metrics.observe({
      ...watch.gauges(() => readiness.evidence().ready),
      verdictCounts: () => engine.verdictCounts(),
      outboxSize: () => ledger.outboxSize(),
      ledgerBytes: () => ledger.bytes(),
      approvalsPending: () => ledger.approvals.pendingCount(),
      approvalsOldestMs: () => opened.approvals?.approvals.oldestWaitMs() ?? 0,
      approvalWaitMs: () => options.approvals?.waitMs ?? DEFAULT_APPROVAL_WAIT_MS,
      noticesWaiting: () => [...(notifier?.waiting() ?? []), ...(opened.approvals?.waiting() ?? [])],
      consoleUrl: () => options.approvals?.publicUrl ?? (isLoopback(options.listen?.host ?? DEFAULT_HOST) ? opened.url : undefined),
    });
    const publicUrl = (): string => options.approvals?.publicUrl ?? opened.url ?? '';
    const asked = openApprovals({
      ledger,
      log,
      metrics,
      agreement: (request) => agreementOf(request, recordedAt(engine, request), engine.report(request.session)),
      webhook: options.approvals?.webhook,
      publicUrl,
    });
    opened.approvals = asked;
    const ingestTokens = callersOf(options.ingestTokens ?? []);
    const web = createWeb({
      host: options.listen?.host ?? DEFAULT_HOST,
      tls: options.tls !== undefined,
      publicUrl,
      ledger,
      engine,
      metrics,
      readiness,
      approvals: asked.approvals,
      log,
      settings: options.approvals,
      ingestTokens,
      readerTokenSha256: options.readerTokenSha256,
    });
    opened.web = web;
    const receiver = createReceiver(receiverOptions({ options, ingestTokens, engine, metrics, web, log }));
    opened.receiver = receiver;
    const address = await receiver.listen();
    const reconciler = options.forwarding && options.reconcile && openReconciler(options.reconcile, { ledger, engine, log, metrics });
    const service = new Service({
      options,
      engine,
      ledger,
      metrics,
      readiness,
      receiver,
      forwarder,
      register,
      watch,
      notifier,
      reconciler,
      approvals: asked,
      web,
      log,
      address,
    });
    opened.url = service.url;
    service.announce();
    return service;
  } catch (error) {
    await opened.receiver?.close(0);
    await opened.forwarder?.close(0);
    await opened.notifier?.close(0);
    await opened.approvals?.close(0);
    opened.web?.close();
    metrics.close();
    ledger.close();
    throw error;
  }
}

const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_APPROVAL_WAIT_MS = 900_000;

/** Copies of one link that are looked at: whoever sends more has differed by then. */
const MOST_COPIES = 16;

function recordedAt(engine: Engine, { session, seq }: ApprovalRequest): readonly LinkCopy[] {
  return engine.links(session, seq, MOST_COPIES).flatMap(({ link }) => (link.seq === seq ? [link] : []));
}

/** Made by a collector it is its owner's alone; a copy that was put back may not be. Windows has other rights than these. */
function isOpenToOthers(path: string): boolean {
  if (process.platform === 'win32') return false;
  return ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o007) !== 0;
}

function callersOf(tokens: readonly IngestToken[]): NonNullable<ReceiverOptions['ingestTokens']> {
  return tokens.map(({ sha256, agents }) => ({ sha256, agents: agents === '*' ? 'all' : new Set(agents) }));
}

function receiverOptions(parts: Pick<Parts, 'options' | 'engine' | 'metrics' | 'web' | 'log'> & Pick<ReceiverOptions, 'ingestTokens'>) {
  const { options, engine, metrics, web, log, ingestTokens = [] } = parts;
  const { host = DEFAULT_HOST, port = 4318 } = options.listen ?? {};
  return {
    host,
    port,
    ...(options.tls && { tls: options.tls }),
    ...(options.limits && { limits: options.limits }),
    ingestTokens,
    ...(options.readerTokenSha256 !== undefined && { readerTokenSha256: options.readerTokenSha256 }),
    ingest: (scanned, caller) => engine.ingest(scanned, caller),
    handleOther: (request, response) => web.handle(request, response),
    guardsItself: (path) => web.guardsItself(path),
    onRequest: (record) => metrics.request(record),
    log: (level, message, fields) => log[level]({ ...fields }, message),
  } satisfies ReceiverOptions;
}

interface Parts {
  readonly options: CollectorOptions;
  readonly engine: Engine;
  readonly ledger: Ledger;
  readonly metrics: Metrics;
  readonly readiness: Readiness;
  readonly receiver: Receiver;
  readonly forwarder: Forwarder | undefined;
  readonly register: RegisterInForce | undefined;
  readonly watch: Watch;
  readonly notifier: Notifier | undefined;
  readonly reconciler: Reconciler | undefined;
  readonly approvals: OpenApprovals;
  readonly web: Web;
  readonly log: Logger;
  readonly address: { readonly host: string; readonly port: number };
}

class Service implements Collector {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  private readonly timer: NodeJS.Timeout;
  private closing: Promise<void> | undefined;
  private readonly run: RunRecord;
  private readonly retention: DailyRetention | undefined;

  constructor(private readonly parts: Parts) {
    const { address, options } = parts;
    this.host = address.host;
    this.port = address.port;
    this.url = `${options.tls ? 'https' : 'http'}://${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
    this.run = new RunRecord(parts.ledger, Date.now);
    this.retention =
      options.retainDays === undefined
        ? undefined
        : new DailyRetention({ engine: parts.engine, log: parts.log, days: options.retainDays, now: Date.now });
    this.timer = setInterval(() => this.tick(), TICK_MS).unref();
    this.tick();
  }

  report(session: string): SessionReport | undefined {
    return this.parts.engine.report(session);
  }

  links(session: string): readonly RecordedLink[] {
    return this.parts.engine.links(session);
  }

  tick(): void {
    const { engine, register, readiness, metrics, watch, log } = this.parts;
    register?.check({ registerChanged: (changed) => watch.registerChanged(changed, engine) }, metrics, log);
    engine.tick();
    watch.look();
    readiness.ticked();
    this.run.receiving();
    this.retention?.tick();
    this.parts.approvals.approvals.sweep();
  }

  reopenLogs(): void {
    this.parts.notifier?.reopen();
  }

  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  /** One line per fact that an operator looks for first. */
  announce(): void {
    const { options, log, ledger, register, reconciler } = this.parts;
    log.info({ address: this.url }, 'listening for OTLP/HTTP');
    log.info({ address: `${options.approvals?.publicUrl ?? this.url}/console` }, 'approvals and sessions are shown');
    log.info({ ledger: options.ledger, bytes: ledger.bytes() }, 'ledger open');
    if (isOpenToOthers(options.ledger))
      log.warn({ ledger: options.ledger }, 'everybody on this machine may read the ledger, and what agents disclose in it: chmod 600 it');
    if (options.forwarding === undefined) log.info({}, 'not forwarding: no Tempo is named (--tempo)');
    else log.info({ tempo: options.forwarding.url, waiting: ledger.outboxSize().spans, query: options.tempoQuery }, 'forwarding to Tempo');
    if (reconciler !== undefined) {
      log.info({ query: options.reconcile?.url, minutes: (options.reconcile?.afterMs ?? 0) / 60_000 }, 'reading sessions back from Tempo');
    }
    if (register === undefined) log.info({}, 'no register of approved states: authority is unknown (--register)');
    else log.info({ register: options.register, entries: register.first.entries.length }, 'register of approved states in force');
    log.info(
      {
        ingest: options.ingestTokens?.length ?? 0,
        reader: options.readerTokenSha256 === undefined ? 0 : 1,
        tls: options.tls !== undefined,
      },
      'tokens asked for',
    );
  }

  private async shutDown(): Promise<void> {
    const { receiver, engine, forwarder, notifier, reconciler, approvals, web, metrics, ledger, log } = this.parts;
    clearInterval(this.timer);
    log.info({}, 'stopping: answering what is in flight');
    approvals.approvals.stop();
    web.close();
    await receiver.close(DRAIN_MS);
    await reconciler?.close();
    await engine.close();
    this.run.stopped();
    await Promise.all([forwarder?.close(FORWARD_DRAIN_MS), notifier?.close(FORWARD_DRAIN_MS), approvals.close(FORWARD_DRAIN_MS)]);
    log.info({ waiting: ledger.outboxSize().spans }, 'stopped: what was not forwarded stays in the ledger for the next start');
    metrics.close();
    ledger.close();
  }
}
