import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ApprovalSettings } from '../approvals/open.js';
import type { LogLevel } from '../log.js';
import type { FindingsOptions } from '../notify/notifier.js';
import type { CollectorOptions } from '../service.js';
import type { Reconciliation } from '../tempo/reconcile/index.js';
import { SettingsError } from './errors.js';
import { type Forwarding, forwardingOf, isLoopback } from './forwarding.js';
import type { LoadedSettings } from './load.js';
import { defaultLedgerPath, SETTINGS, type SettingKey } from './schema.js';

/** Twice this without a link is what an agent that lives cannot reach (SPEC.md, "Findings": heartbeat). */
const HEARTBEAT_SECONDS = 300;

/** What the service runs with, and what its operator should be told. */
export interface CollectPlan {
  readonly options: CollectorOptions;
  readonly warnings: readonly string[];
}

/**
 * Turns settings into what the service runs with, and checks what no single setting can tell.
 *
 * @throws SettingsError `unprotected` for an address beyond loopback without tokens, `conflicting_settings`, `unreadable_file`
 */
export function planCollect(settings: LoadedSettings, env: NodeJS.ProcessEnv): CollectPlan {
  requireProtection(settings);
  const tls = readTls(settings);
  const { forwarding, warnings } = forwardingOf(settings, env);
  const findings = findingsOf(settings);
  const approvals = approvalsOf(settings);
  return {
    options: {
      listen: settings.listen,
      ledger: settings.ledger ?? defaultLedgerPath(env),
      forwarding,
      reconcile: reconciliationOf(settings, forwarding),
      tempoQuery: settings.tempoQuery,
      gapGraceMs: settings.gapGrace * 1000,
      sessionIdleMs: settings.sessionIdle * 1000,
      register: settings.register,
      expectedAgents: new Map([...settings.expectAgent].map(([agent, limit]) => [agent, limit * 1000])),
      tls,
      ingestTokens: settings.ingestToken,
      readerTokenSha256: settings.readerToken,
      limits: {
        bodyBytes: settings.maxBodyBytes,
        inflatedBytes: settings.maxInflatedBytes,
        jsonBytes: settings.maxJsonBytes,
        requestsInFlight: settings.maxRequestsInFlight,
        bytesInFlight: settings.maxBytesInFlight,
        spansPerRequest: settings.maxSpans,
        attributesPerSpan: settings.maxAttributes,
      },
      sessionsInMemory: settings.maxSessions,
      findings,
      approvals,
      retainDays: settings.retainDays,
      outboxSpans: settings.maxOutboxSpans,
      logLevel: settings.logLevel ?? otelLogLevel(env['OTEL_LOG_LEVEL']),
    },
    warnings: [...warnings, ...advice(settings, tls !== undefined)],
  };
}

function requireProtection(settings: LoadedSettings): void {
  if (isLoopback(settings.listen.host) || settings.insecure) return;
  const missing = [
    ...(settings.ingestToken.length === 0 ? ['an ingest token (--ingest-token; make one with `agent-custody token --agent ID`)'] : []),
    ...(settings.readerToken === undefined ? ["the reader's token (--reader-token; make one with `agent-custody token --reader`)"] : []),
  ];
  if (missing.length === 0) return;
  throw new SettingsError(
    'unprotected',
    `${settings.places.get('listen')}: ${settings.listen.host} can be reached from other machines, so the collector needs ${missing.join(' and ')}; ` +
      'or listen on 127.0.0.1, or accept that anyone can forge and read with --insecure',
  );
}

/** Whom to tell of findings. A webhook that is not signed cannot be told from one that somebody made up. */
function findingsOf(settings: LoadedSettings): FindingsOptions {
  const { findingsWebhook: url, findingsWebhookSecret: secrets, findingsWebhookSeverity: severity, findingsLog, grafanaUrl } = settings;
  if (url === undefined && secrets.length > 0) {
    throw new SettingsError(
      'conflicting_settings',
      `${settings.places.get('findingsWebhookSecret')}: there is no --findings-webhook to sign for`,
    );
  }
  if (url !== undefined && secrets.length === 0) {
    throw new SettingsError(
      'conflicting_settings',
      `${settings.places.get('findingsWebhook')}: a webhook needs a secret to be signed with: set CUSTODY_FINDINGS_WEBHOOK_SECRET to what \`echo whsec_$(openssl rand -base64 32)\` prints, here and at the receiver`,
    );
  }
  return { ...(url !== undefined && { webhook: { url, secrets, severity } }), logFile: findingsLog, grafanaUrl };
}

/** Who decides about approvals, and how people hear of them. */
function approvalsOf(settings: LoadedSettings): ApprovalSettings {
  const {
    approvalsWebhook: url,
    approvalsWebhookSecret: secrets,
    approvalsWebhookFormat: format,
    approvalsCallbackSecret: callbacks,
  } = settings;
  if ((url === undefined) !== (secrets.length === 0)) {
    const [given, missing] =
      url === undefined
        ? (['approvalsWebhookSecret', '--approvals-webhook'] as const)
        : (['approvalsWebhook', 'CUSTODY_APPROVALS_WEBHOOK_SECRET'] as const);
    throw new SettingsError(
      'conflicting_settings',
      `${settings.places.get(given)}: a webhook and its secret go together: set ${missing} too`,
    );
  }
  return {
    approverTokens: settings.approverToken,
    ...(url !== undefined && { webhook: { url, secrets, format } }),
    callbackSecrets: callbacks,
    oidc: oidcOf(settings),
    publicUrl: settings.publicUrl?.replace(/\/+$/, ''),
    waitMs: settings.approvalWait * 1000,
  };
}

/** The tenant is the one that is forwarded to, unless the query's own headers name another; credentials are never carried over. */
function reconciliationOf(settings: LoadedSettings, forwarding: Forwarding | undefined): Reconciliation | undefined {
  const { reconcile, tempoQuery: url, tempoQueryHeader } = settings;
  if (reconcile === undefined) return undefined;
  const place = settings.places.get('reconcile');
  if (url === undefined)
    throw new SettingsError('conflicting_settings', `${place}: name the query API of the Tempo to read back from, with --tempo-query URL`);
  if (forwarding === undefined)
    throw new SettingsError(
      'conflicting_settings',
      `${place}: nothing is forwarded, so nothing can be read back; name Tempo with --tempo URL`,
    );
  const tenant = forwarding.headers['x-scope-orgid'];
  return { url, afterMs: reconcile * 60_000, headers: { ...(tenant !== undefined && { 'x-scope-orgid': tenant }), ...tempoQueryHeader } };
}

function oidcOf(settings: LoadedSettings): ApprovalSettings['oidc'] {
  const { oidcIssuer: issuer, oidcClientId: clientId, oidcClientSecret: clientSecret, oidcName: nameClaim, oidcAllow: allow } = settings;
  if (issuer !== undefined && clientId !== undefined) {
    const place = settings.places.get('oidcIssuer');
    if (crossesInClear(issuer))
      throw new SettingsError('invalid_setting', `${place}: expected an https:// URL: who signs in is what it says`);
    if (!isLoopback(settings.listen.host) && settings.publicUrl === undefined)
      throw new SettingsError(
        'conflicting_settings',
        `${place}: a sign-in returns to where people reach the collector: name it with --public-url`,
      );
    return { issuer, clientId, clientSecret, nameClaim, allow };
  }
  const alone = (['oidcIssuer', 'oidcClientId', 'oidcClientSecret', 'oidcAllow'] as const).find((key) => settings.places.has(key));
  if (alone === undefined) return undefined;
  throw new SettingsError('conflicting_settings', `${settings.places.get(alone)}: a sign-in needs both --oidc-issuer and --oidc-client-id`);
}

function readTls(settings: LoadedSettings): { readonly cert: string; readonly key: string } | undefined {
  const { tlsCert, tlsKey } = settings;
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new SettingsError(
      'conflicting_settings',
      `--tls-cert and --tls-key go together: ${tlsCert === undefined ? '--tls-cert' : '--tls-key'} is missing`,
    );
  }
  const cert = readPem(tlsCert, '--tls-cert', (text) => new X509Certificate(text));
  const key = readPem(tlsKey, '--tls-key', createPrivateKey);
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
    throw new SettingsError('conflicting_settings', `--tls-key ${tlsKey} is not the key of the certificate in --tls-cert ${tlsCert}`);
  }
  return { cert, key };
}

function readPem(path: string, place: string, parse: (text: string) => unknown): string {
  try {
    const text = readFileSync(path, 'utf8');
    parse(text);
    return text;
  } catch (error) {
    throw new SettingsError('unreadable_file', `${place} ${path}: expected a PEM file: ${(error as Error).message}`, { cause: error });
  }
}

/** What crosses the network to or by these addresses. */
const CROSSING = [
  ['findingsWebhook', 'findings are posted'],
  ['approvalsWebhook', 'requests for approval are posted, with their arguments,'],
  ['publicUrl', 'people sign in and decide'],
] as const;

/** Settings whose value opens something; of tokens only hashes are ever set. */
const SECRETS: ReadonlySet<SettingKey> = new Set([
  'findingsWebhookSecret',
  'approvalsWebhookSecret',
  'approvalsCallbackSecret',
  'oidcClientSecret',
]);

function crossesInClear(url: string | undefined): boolean {
  return url?.startsWith('http:') === true && !isLoopback(new URL(url).hostname.replace(/^\[|\]$/g, ''));
}

function advice(settings: LoadedSettings, tls: boolean): string[] {
  const out: string[] = [];
  if (settings.sessionIdle < 2 * HEARTBEAT_SECONDS) {
    out.push(
      `session-idle ${settings.sessionIdle} s is under twice the usual heartbeat (${HEARTBEAT_SECONDS} s): sessions that merely wait will be reported unclosed`,
    );
  }
  for (const [key, what] of CROSSING) {
    if (crossesInClear(settings[key])) out.push(`${what} in clear (${settings.places.get(key)}): name an https:// URL`);
  }
  for (const { key, name, env } of SETTINGS.filter((row) => SECRETS.has(row.key))) {
    if (settings.places.get(key)?.startsWith('--'))
      out.push(`the secret --${name} is on the command line, where every process list shows it: use ${env}`);
  }
  if (isLoopback(settings.listen.host)) return out;
  if (settings.approvalsWebhook !== undefined && settings.publicUrl === undefined)
    out.push(
      'links in what --approvals-webhook posts lead to the address that is listened on: name the one that people use with --public-url',
    );
  if (settings.insecure && settings.ingestToken.length === 0)
    out.push('anyone who reaches the port can send spans for any agent (--insecure)');
  if (settings.insecure && settings.readerToken === undefined)
    out.push('anyone who reaches the port can read what is recorded (--insecure)');
  if (!tls) out.push('spans and tokens cross the network in clear: give --tls-cert and --tls-key, or put a TLS proxy in front');
  return out;
}

/** OTEL_LOG_LEVEL as the OpenTelemetry specification has it; the log's own default is info. */
function otelLogLevel(value: string | undefined): LogLevel {
  switch (value?.toUpperCase()) {
    case 'NONE':
      return 'silent';
    case 'ERROR':
      return 'error';
    case 'WARN':
      return 'warn';
    case 'DEBUG':
      return 'debug';
    case 'VERBOSE':
    case 'ALL':
      return 'trace';
    default:
      return 'info';
  }
}
