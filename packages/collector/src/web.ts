import type { IncomingMessage, ServerResponse } from 'node:http';
import { createApprovalAccess, LOCAL_APPROVER } from './api/approval-access.js';
import { createApprovalsApi, isApprovalsPath } from './api/approvals.js';
import { createApi } from './api/routes.js';
import type { Approvals } from './approvals/index.js';
import type { ApprovalSettings } from './approvals/open.js';
import { createConsole, isConsolePath } from './console/console.js';
import { createOidcWay } from './console/oidc.js';
import { SignIns } from './console/sign-in.js';
import type { Engine } from './engine/index.js';
import type { Log } from './engine/types.js';
import { gatherFromLedger } from './handover/gather.js';
import { bundleText } from './handover/write-bundle.js';
import { nodeHashing } from './hashing.js';
import type { Ledger } from './ledger/ledger.js';
import type { Metrics } from './metrics.js';
import type { Readiness } from './readiness.js';
import type { IngestToken } from './receive/types.js';
import { isLoopback } from './settings/forwarding.js';
import { ownVersion } from './version.js';

/** Everything that the collector answers beside OTLP. */
export interface Web {
  handle(request: IncomingMessage, response: ServerResponse): Promise<boolean>;
  /** Whether a path asks for its own credentials and not for the reader's token. */
  guardsItself(path: string): boolean;
  /** Lets go of browsers that listen. */
  close(): void;
}

export interface WebParts {
  readonly host: string;
  readonly tls: boolean;
  /** Where people reach the collector; known once it listens. */
  readonly publicUrl: () => string;
  readonly ledger: Ledger;
  readonly engine: Engine;
  readonly metrics: Metrics;
  readonly readiness: Readiness;
  readonly approvals: Approvals;
  readonly log: Log;
  readonly settings: ApprovalSettings | undefined;
  readonly ingestTokens: readonly IngestToken[];
  readonly readerTokenSha256: string | undefined;
}

const LOCAL_NAMES = ['localhost', '127.0.0.1', '[::1]'] as const;

/** Puts the pages together. */
export function createWeb(parts: WebParts): Web {
  const { host, ledger, engine, metrics, readiness, approvals, settings } = parts;
  // What is shown is judged as of now: what time has brought since the last tick is judged first.
  const asOfNow = <T>(read: () => T): T => {
    engine.tick();
    return read();
  };
  const approverTokens = settings?.approverTokens ?? [];
  const { oidc } = settings ?? {};
  const callbackSecrets = settings?.callbackSecrets ?? [];
  const nobodyIsAsked =
    approverTokens.length === 0 && callbackSecrets.length === 0 && oidc === undefined && parts.readerTokenSha256 === undefined;
  const trustsLocal = nobodyIsAsked && isLoopback(host) && isOwnAddress(settings?.publicUrl);
  const access = createApprovalAccess({
    ingestTokens: parts.ingestTokens,
    approverTokens,
    callbackSecrets,
    readerTokenSha256: parts.readerTokenSha256,
    trustsLocal,
  });
  const signIns = new SignIns({ secure: parts.tls || settings?.publicUrl?.startsWith('https:') === true, now: Date.now });
  const page = createConsole({
    approvals,
    store: ledger.approvals,
    signIns,
    ways: {
      token: approverTokens.length === 0 && parts.readerTokenSha256 === undefined ? undefined : (token) => access.named(token),
      oidc: oidc && createOidcWay(oidc, parts.publicUrl, signIns, Date.now),
      local: trustsLocal ? LOCAL_APPROVER : undefined,
    },
    report: (session) => asOfNow(() => engine.report(session)),
    reports: (cursor) => asOfNow(() => engine.reports(cursor)),
    links: (session, from, limit) => engine.links(session, from, limit),
    log: parts.log,
    seen: (session) => ledger.session(session) ?? { highestSeq: 0, lastSeenMs: 0 },
    bundle: (session) => bundleOf(ledger, session),
  });
  const hosts = parts.readerTokenSha256 === undefined && isLoopback(host) ? new Set([...LOCAL_NAMES, host]) : undefined;
  const api = createApi({
    readiness: () => readiness.now(),
    metricsPage: () => asOfNow(() => metrics.page()),
    report: (session) => asOfNow(() => engine.report(session)),
    reports: (page) => asOfNow(() => engine.reports(page)),
    links: (session) => engine.links(session),
    findings: (page) => asOfNow(() => engine.findings(page)),
    approvals: createApprovalsApi({ approvals, access, agentOf: (session) => engine.report(session)?.agent, log: parts.log }),
    console: page.handle,
    hosts,
    signInHosts: hosts && settings?.publicUrl !== undefined ? new Set([...hosts, new URL(settings.publicUrl).hostname]) : hosts,
  });
  return { handle: api, guardsItself: (path) => isApprovalsPath(path) || isConsolePath(path), close: page.close };
}

/** A proxy in front makes a stranger's request one from this machine: whoever names another address has people sign in. */
function isOwnAddress(publicUrl: string | undefined): boolean {
  return publicUrl === undefined || isLoopback(new URL(publicUrl).hostname.replace(/^\[|\]$/g, ''));
}

/** A session as `export` writes it. */
function bundleOf(ledger: Ledger, session: string): string | undefined {
  const gathered = gatherFromLedger(ledger, session, nodeHashing);
  return gathered && bundleText({ ...gathered, register: undefined, atMs: Date.now(), collectorVersion: ownVersion() });
}
