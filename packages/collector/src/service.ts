import { performance } from 'node:perf_hooks';
import type { SessionReport } from '@agent-custody/chain';
import type { Logger } from 'pino';
import { createApi } from './api/routes.js';
import { createEngine, type Engine } from './engine/index.js';
import { createForwarder, type Forwarder } from './forward/index.js';
import { nodeHashing } from './hashing.js';
import { type Ledger, openSqliteLedger, type RecordedLink } from './ledger/index.js';
import { createLog, type LogLevel } from './log.js';
import { createMetrics, type Metrics } from './metrics.js';
import { Readiness } from './readiness.js';
import { createReceiver, type Receiver, type ReceiverLimits } from './receive/index.js';
import { RegisterInForce } from './register-in-force.js';
import { type Forwarding, isLoopback } from './settings/forwarding.js';
import type { IngestToken } from './settings/tokens.js';
import type { ListenAddress } from './settings/values.js';

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
  /** Spans waiting for Tempo beyond which the collector calls itself not ready (default 1 000 000). */
  readonly outboxSpans?: number;
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
  const opened: { forwarder?: Forwarder; receiver?: Receiver } = {};
  try {
    const forwarder = options.forwarding && createForwarder({ ledger, ...options.forwarding, log, metrics });
    if (forwarder !== undefined) opened.forwarder = forwarder;
    const engine = createEngine({
      ledger,
      hashing: nodeHashing,
      log,
      metrics,
      forwarder,
      ...(register && { register: register.first }),
      limits: {
        ...(options.gapGraceMs !== undefined && { gapGraceMs: options.gapGraceMs }),
        ...(options.sessionIdleMs !== undefined && { sessionIdleMs: options.sessionIdleMs }),
      },
      ...(options.sessionsInMemory !== undefined && { sessionsInMemory: options.sessionsInMemory }),
    });
    metrics.observe({
      verdictCounts: () => engine.verdictCounts(),
      outboxSize: () => ledger.outboxSize(),
      ledgerBytes: () => ledger.bytes(),
    });
    const readiness = new Readiness(engine, ledger, { outboxSpans: options.outboxSpans ?? 1_000_000, now: () => performance.now() });
    const receiver = createReceiver(receiverOptions(options, engine, metrics, readiness, log));
    opened.receiver = receiver;
    const address = await receiver.listen();
    const service = new Service({ options, engine, ledger, metrics, readiness, receiver, forwarder, register, log, address });
    service.announce();
    return service;
  } catch (error) {
    await opened.receiver?.close(0);
    await opened.forwarder?.close(0);
    metrics.close();
    ledger.close();
    throw error;
  }
}

function receiverOptions(
  options: CollectorOptions,
  engine: Engine,
  metrics: Metrics,
  readiness: Readiness,
  log: Logger,
): Parameters<typeof createReceiver>[0] {
  const { host = '127.0.0.1', port = 4318 } = options.listen ?? {};
  // What is shown is judged as of now: what time has brought since the last tick is judged first.
  const asOfNow = <T>(read: () => T): T => {
    engine.tick();
    return read();
  };
  const api = createApi({
    readiness: () => readiness.now(),
    metricsPage: () => asOfNow(() => metrics.page()),
    report: (session) => asOfNow(() => engine.report(session)),
    reports: (page) => asOfNow(() => engine.reports(page)),
    links: (session) => engine.links(session),
    findings: (page) => asOfNow(() => engine.findings(page)),
    hosts: options.readerTokenSha256 === undefined && isLoopback(host) ? new Set([...LOCAL_NAMES, host]) : undefined,
  });
  return {
    host,
    port,
    ...(options.tls && { tls: options.tls }),
    ...(options.limits && { limits: options.limits }),
    ingestTokens: (options.ingestTokens ?? []).map(({ sha256, agents }) => ({ sha256, agents: agents === '*' ? 'all' : new Set(agents) })),
    ...(options.readerTokenSha256 !== undefined && { readerTokenSha256: options.readerTokenSha256 }),
    ingest: (scanned, caller) => engine.ingest(scanned, caller),
    handleOther: (request, response) => api(request, response),
    onRequest: (record) => metrics.request(record),
    log: (level, message, fields) => log[level]({ ...fields }, message),
  };
}

const LOCAL_NAMES = ['localhost', '127.0.0.1', '[::1]'] as const;

interface Parts {
  readonly options: CollectorOptions;
  readonly engine: Engine;
  readonly ledger: Ledger;
  readonly metrics: Metrics;
  readonly readiness: Readiness;
  readonly receiver: Receiver;
  readonly forwarder: Forwarder | undefined;
  readonly register: RegisterInForce | undefined;
  readonly log: Logger;
  readonly address: { readonly host: string; readonly port: number };
}

class Service implements Collector {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  private readonly timer: NodeJS.Timeout;
  private closing: Promise<void> | undefined;

  constructor(private readonly parts: Parts) {
    const { address, options } = parts;
    this.host = address.host;
    this.port = address.port;
    this.url = `${options.tls ? 'https' : 'http'}://${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
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
    const { engine, register, readiness, metrics, log } = this.parts;
    register?.check(engine, metrics, log);
    engine.tick();
    readiness.ticked();
  }

  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  /** One line per fact that an operator looks for first. */
  announce(): void {
    const { options, log, ledger, register } = this.parts;
    log.info({ address: this.url }, 'listening for OTLP/HTTP');
    log.info({ ledger: options.ledger, bytes: ledger.bytes() }, 'ledger open');
    if (options.forwarding === undefined) log.info({}, 'not forwarding: no Tempo is named (--tempo)');
    else log.info({ tempo: options.forwarding.url, waiting: ledger.outboxSize().spans, query: options.tempoQuery }, 'forwarding to Tempo');
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
    const { receiver, engine, forwarder, metrics, ledger, log } = this.parts;
    clearInterval(this.timer);
    log.info({}, 'stopping: answering what is in flight');
    await receiver.close(DRAIN_MS);
    await engine.close();
    await forwarder?.close(FORWARD_DRAIN_MS);
    log.info({ waiting: ledger.outboxSize().spans }, 'stopped: what was not forwarded stays in the ledger for the next start');
    metrics.close();
    ledger.close();
  }
}
