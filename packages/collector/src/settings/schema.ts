import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { NOTICE_FORMATS } from '../approvals/notices.js';
import { LOG_LEVELS } from '../log.js';
import { SEVERITIES } from '../notify/notice.js';
import { approverTokens, ingestTokens, readerToken } from './tokens.js';
import {
  bytes,
  count,
  headers,
  listenAddress,
  minutes,
  oneOf,
  path,
  retainedDays,
  seconds,
  silences,
  text,
  toggle,
  url,
  webhookSecrets,
} from './values.js';

/** The subcommands that read settings. */
export type Command = 'collect' | 'verify' | 'approve' | 'retain' | 'erase' | 'export' | 'report';

/** What people see of a setting. Its name is the key of {@link settingsShape}; flag and variable follow from the name. */
interface AboutSetting {
  readonly commands: readonly Command[];
  /** How the value is shown in help, such as `SECONDS`; undefined for a switch. */
  readonly value: string | undefined;
  readonly description: string;
  /** As text, for help and README. */
  readonly default?: string;
  /** Given more than once: repeat the flag; in a variable, what parts one from the next. */
  readonly list?: 'comma' | 'space';
}

const about = z.registry<AboutSetting>();

/** Registers a setting's description beside its type, so that help, README and loader read from one place. */
function setting<T extends z.ZodType>(type: T, details: AboutSetting): T {
  about.add<z.ZodType>(type, details);
  return type;
}

const LEDGER_DEFAULT = '$XDG_STATE_HOME/agent-custody/ledger.db';

/** The default ledger: in the user's state directory, where the spool of agents is too. */
export function defaultLedgerPath(env: NodeJS.ProcessEnv): string {
  const state = env['XDG_STATE_HOME'] || join(env['HOME'] || homedir(), '.local', 'state');
  return join(state, 'agent-custody', 'ledger.db');
}

/** Every setting of the command: the one source of flags, CUSTODY_* variables, YAML names, help and README. */
export const settingsShape = {
  listen: setting(listenAddress().prefault('127.0.0.1:4318'), {
    commands: ['collect'],
    value: 'HOST:PORT',
    default: '127.0.0.1:4318',
    description: 'where to receive OTLP and serve the API; any address but loopback asks for tokens (or --insecure)',
  }),
  ledger: setting(path().optional(), {
    commands: ['collect', 'verify', 'approve', 'retain', 'erase', 'export', 'report'],
    value: 'PATH',
    default: LEDGER_DEFAULT,
    description: 'the ledger file (SQLite): the evidence',
  }),
  tempo: setting(url().optional(), {
    commands: ['collect'],
    value: 'URL',
    default: 'OTEL_EXPORTER_OTLP_ENDPOINT, else not forwarded',
    description: 'where to forward all spans (OTLP/HTTP); /v1/traces is added to a URL that does not end in it',
  }),
  tempoQuery: setting(url().optional(), {
    commands: ['collect'],
    value: 'URL',
    default: 'none',
    description: 'the query API of that Tempo, named when the collector starts so that people find the spans',
  }),
  tempoQueryHeader: setting(headers().prefault([]), {
    commands: ['collect', 'verify'],
    value: 'HEADER',
    list: 'comma',
    default: 'the X-Scope-OrgID of --tempo-header',
    description: "a header of every request to Tempo's query API, such as 'Authorization: Bearer …'",
  }),
  reconcile: setting(minutes().optional(), {
    commands: ['collect'],
    value: 'MINUTES',
    default: 'none',
    description:
      'read sessions back from Tempo (--tempo-query) this long after they were forwarded, report what it lost, and send that once more',
  }),
  tempoHeader: setting(headers().prefault([]), {
    commands: ['collect'],
    value: 'HEADER',
    list: 'comma',
    default: 'OTEL_EXPORTER_OTLP_HEADERS',
    description: "a header of every forwarded request, such as 'X-Scope-OrgID: tenant-1'",
  }),
  tempoCompression: setting(oneOf(['gzip', 'none']).optional(), {
    commands: ['collect'],
    value: 'NAME',
    default: 'OTEL_EXPORTER_OTLP_COMPRESSION, else gzip, over loopback none',
    description: 'how forwarded requests are compressed: gzip or none',
  }),
  gapGrace: setting(seconds(0).prefault(30), {
    commands: ['collect', 'verify'],
    value: 'SECONDS',
    default: '30',
    description: 'how long a missing link may still arrive before it is a gap',
  }),
  sessionIdle: setting(seconds(0.001).prefault(900), {
    commands: ['collect', 'verify'],
    value: 'SECONDS',
    default: '900',
    description: 'how long an open session may be silent before it is unclosed; heartbeats come every 300',
  }),
  register: setting(path().optional(), {
    commands: ['collect', 'verify', 'approve', 'export', 'report'],
    value: 'FILE',
    default: 'none',
    description: 'the register of approved states (JSON); collect reloads it when it changes',
  }),
  expectAgent: setting(silences().prefault([]), {
    commands: ['collect'],
    value: 'AGENT=SECONDS',
    list: 'comma',
    default: 'learned, for agents of the register',
    description: 'how long an agent may be silent before it is missed (the metric custody_agent_silence_limit_seconds)',
  }),
  tlsCert: setting(path().optional(), {
    commands: ['collect'],
    value: 'FILE',
    default: 'none',
    description: 'serve TLS with this certificate chain (PEM); needs --tls-key',
  }),
  tlsKey: setting(path().optional(), {
    commands: ['collect'],
    value: 'FILE',
    default: 'none',
    description: 'the private key of --tls-cert (PEM)',
  }),
  ingestToken: setting(ingestTokens().prefault([]), {
    commands: ['collect'],
    value: 'SHA256:AGENTS',
    list: 'space',
    default: 'none',
    description: 'hash of a token that may send spans, and the agent ids that it speaks for (* for any)',
  }),
  ingestTokenFile: setting(path().optional(), {
    commands: ['collect'],
    value: 'FILE',
    default: 'none',
    description: 'a YAML list of more of them: {sha256, agents} or SHA256:AGENTS',
  }),
  readerToken: setting(readerToken().optional(), {
    commands: ['collect'],
    value: 'SHA256',
    default: 'none',
    description: 'hash of the token that may read /api/v1 and /metrics',
  }),
  approverToken: setting(approverTokens().prefault([]), {
    commands: ['collect'],
    value: 'SHA256:NAME',
    list: 'space',
    default: 'none; over loopback whoever reaches it decides',
    description: 'hash of a token that decides about approvals, on the page and in the API, and whose it is; repeat for more',
  }),
  approvalsWebhook: setting(url().optional(), {
    commands: ['collect'],
    value: 'URL',
    default: 'none',
    description: 'post each request for approval, and what became of it, here; signed (Standard Webhooks)',
  }),
  approvalsWebhookSecret: setting(webhookSecrets().prefault([]), {
    commands: ['collect'],
    value: 'SECRET',
    list: 'space',
    default: 'none',
    description: 'the secret to sign with (whsec_…), two while one is being replaced; better in the variable or the file',
  }),
  approvalsWebhookFormat: setting(oneOf(NOTICE_FORMATS).prefault('generic'), {
    commands: ['collect'],
    value: 'NAME',
    default: 'generic',
    description: "generic (this collector's JSON) or slack (Block Kit, for incoming webhooks)",
  }),
  approvalsCallbackSecret: setting(webhookSecrets().prefault([]), {
    commands: ['collect'],
    value: 'SECRET',
    list: 'space',
    default: 'signed decisions are not taken',
    description: 'the secret (whsec_…) of the service that posts decisions back, for approvers whom it has identified',
  }),
  oidcIssuer: setting(url().optional(), {
    commands: ['collect'],
    value: 'URL',
    default: 'none',
    description: 'the OpenID provider at which approvers sign in to the console; register PUBLIC-URL/console/callback there',
  }),
  oidcClientId: setting(text().optional(), {
    commands: ['collect'],
    value: 'ID',
    default: 'none',
    description: 'what the collector is called there',
  }),
  oidcClientSecret: setting(text().optional(), {
    commands: ['collect'],
    value: 'SECRET',
    default: 'none: a public client, PKCE alone',
    description: 'its secret there; better in the variable or the file',
  }),
  oidcName: setting(text().prefault('email'), {
    commands: ['collect'],
    value: 'CLAIM',
    default: 'email',
    description: 'the claim of the ID token that names an approver in decisions',
  }),
  oidcAllow: setting(z.array(text()).prefault([]), {
    commands: ['collect'],
    value: 'NAME',
    list: 'comma',
    default: 'whoever the provider lets in',
    description: 'who may sign in, by that name; *@example.com stands for all that end so; repeat for more',
  }),
  approvalWait: setting(seconds(1).prefault(900), {
    commands: ['collect'],
    value: 'SECONDS',
    default: '900',
    description: 'how long a request for approval may wait before it is worth an alert (the metric custody_approval_wait_limit_seconds)',
  }),
  publicUrl: setting(url().optional(), {
    commands: ['collect'],
    value: 'URL',
    default: 'where it listens',
    description: 'where people reach this collector: links in webhooks, and where a sign-in returns to',
  }),
  insecure: setting(toggle().prefault(false), {
    commands: ['collect'],
    value: undefined,
    default: 'false',
    description: 'listen beyond loopback without tokens: anyone who reaches the port can forge and read',
  }),
  maxBodyBytes: setting(bytes().prefault(20_971_520), {
    commands: ['collect'],
    value: 'BYTES',
    default: '20971520',
    description: 'largest request body as sent; beyond it 413',
  }),
  maxInflatedBytes: setting(bytes().prefault(67_108_864), {
    commands: ['collect'],
    value: 'BYTES',
    default: '67108864',
    description: 'largest request body after gunzip; beyond it 413',
  }),
  maxJsonBytes: setting(bytes().prefault(16_777_216), {
    commands: ['collect'],
    value: 'BYTES',
    default: '16777216',
    description: 'largest JSON request body after gunzip: parsed, it takes ten times its size; beyond it 413',
  }),
  maxRequestsInFlight: setting(count().prefault(512), {
    commands: ['collect'],
    value: 'COUNT',
    default: '512',
    description: 'most requests being received at one time; beyond it 503',
  }),
  maxBytesInFlight: setting(bytes().prefault(268_435_456), {
    commands: ['collect'],
    value: 'BYTES',
    default: '268435456',
    description: 'most bytes of request bodies held at one time; beyond it 503',
  }),
  maxSpans: setting(count().prefault(50_000), {
    commands: ['collect'],
    value: 'COUNT',
    default: '50000',
    description: 'most spans in one request; beyond it 413',
  }),
  maxAttributes: setting(count().prefault(1_024), {
    commands: ['collect'],
    value: 'COUNT',
    default: '1024',
    description: 'most attributes of one span; a span with more is rejected (partial success)',
  }),
  maxSessions: setting(count().prefault(10_000), {
    commands: ['collect'],
    value: 'COUNT',
    default: '10000',
    description: 'most sessions kept in memory; others are read back from the ledger when they speak again',
  }),
  maxOutboxSpans: setting(count().prefault(1_000_000), {
    commands: ['collect'],
    value: 'COUNT',
    default: '1000000',
    description: 'most spans waiting for Tempo before /readyz says not ready; they are taken all the same',
  }),
  findingsWebhook: setting(url().optional(), {
    commands: ['collect'],
    value: 'URL',
    default: 'none',
    description: 'post each finding there as JSON, signed as the Standard Webhooks specification has it; needs a secret',
  }),
  findingsWebhookSecret: setting(webhookSecrets().prefault([]), {
    commands: ['collect'],
    value: 'SECRET',
    list: 'space',
    default: 'none',
    description: 'the secret to sign with (whsec_…), two while one is being replaced; better in the variable or the file',
  }),
  findingsWebhookSeverity: setting(oneOf(SEVERITIES).prefault('high'), {
    commands: ['collect'],
    value: 'LEVEL',
    default: 'high',
    description: 'the least severity that is posted: info, medium, high or critical',
  }),
  findingsLog: setting(path().optional(), {
    commands: ['collect'],
    value: 'FILE',
    default: 'none',
    description: 'append every finding to this file, a line of JSON each; opened anew on SIGHUP and when it was moved away',
  }),
  grafanaUrl: setting(url().optional(), {
    commands: ['collect', 'report'],
    value: 'URL',
    default: 'none',
    description: 'where people reach Grafana: findings that are told then hold a link to the span',
  }),
  retainDays: setting(retainedDays().optional(), {
    commands: ['collect'],
    value: 'DAYS',
    default: 'everything is kept',
    description: 'once a day prune sessions whose last link is older, at least 180; the pruning is on record',
  }),
  logLevel: setting(oneOf(LOG_LEVELS).optional(), {
    commands: ['collect'],
    value: 'LEVEL',
    default: 'OTEL_LOG_LEVEL, else info',
    description: 'trace, debug, info, warn, error, fatal or silent; the log goes to standard error, JSON unless a terminal',
  }),
} as const;

export type Settings = z.infer<z.ZodObject<typeof settingsShape>>;
export type SettingKey = keyof Settings;

/** One setting with all its names. */
export interface SettingRow extends AboutSetting {
  readonly key: SettingKey;
  /** As in YAML: `tempo-query`. */
  readonly name: string;
  /** As in help: `--tempo-query <URL>`. */
  readonly flag: string;
  /** `CUSTODY_TEMPO_QUERY`. */
  readonly env: string;
}

/** The table of all settings, in order of {@link settingsShape}. */
export const SETTINGS: readonly SettingRow[] = (Object.keys(settingsShape) as SettingKey[]).map((key) => {
  const details = about.get(settingsShape[key]) as AboutSetting;
  const name = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return {
    ...details,
    key,
    name,
    flag: `--${name}${details.value === undefined ? '' : ` <${details.value}>`}`,
    env: `CUSTODY_${name.replaceAll('-', '_').toUpperCase()}`,
  };
});

/** The settings of one subcommand. */
export function settingsOf(command: Command): readonly SettingRow[] {
  return SETTINGS.filter((row) => row.commands.includes(command));
}
