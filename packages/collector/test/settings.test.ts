import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadSettings, planCollect, SETTINGS, SettingsError, tokenHash } from '../src/settings/index.js';

const folder = mkdtempSync(join(tmpdir(), 'custody-settings-'));
let files = 0;
function file(text: string): string {
  const path = join(folder, `${files++}.yaml`);
  writeFileSync(path, text);
  return path;
}

function collect(flags: Record<string, unknown> = {}, env: Record<string, string> = {}, yaml?: string) {
  return loadSettings('collect', { flags, env, config: yaml === undefined ? undefined : file(yaml) });
}

function plan(flags: Record<string, unknown> = {}, env: Record<string, string> = {}) {
  return planCollect(collect(flags, env), env);
}

function failure(run: () => unknown): SettingsError {
  try {
    run();
  } catch (error) {
    if (error instanceof SettingsError) return error;
    throw error;
  }
  throw new Error('expected a SettingsError');
}

const HASH = tokenHash('secret');

/** For each setting: what a flag gives, the same as a variable, the same in YAML, and what is made of it. */
const WHSEC = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const TAKEN: Record<string, { flag: unknown; env: string; yaml: string; value: unknown }> = {
  listen: { flag: '127.0.0.1:99', env: '127.0.0.1:99', yaml: '127.0.0.1:99', value: { host: '127.0.0.1', port: 99 } },
  ledger: { flag: '/l.db', env: '/l.db', yaml: '/l.db', value: '/l.db' },
  tempo: { flag: 'http://tempo:4318', env: 'http://tempo:4318', yaml: 'http://tempo:4318', value: 'http://tempo:4318' },
  tempoQuery: { flag: 'http://tempo:3200', env: 'http://tempo:3200', yaml: 'http://tempo:3200', value: 'http://tempo:3200' },
  tempoQueryHeader: {
    flag: ['Authorization: Bearer x'],
    env: 'Authorization: Bearer x',
    yaml: '{ Authorization: Bearer x }',
    value: { authorization: 'Bearer x' },
  },
  reconcile: { flag: '10', env: '10', yaml: '10', value: 10 },
  tempoHeader: {
    flag: ['X-Scope-OrgID: a', 'b=c'],
    env: 'X-Scope-OrgID=a,b=c',
    yaml: '{ X-Scope-OrgID: a, b: c }',
    value: { 'x-scope-orgid': 'a', b: 'c' },
  },
  tempoCompression: { flag: 'none', env: 'none', yaml: 'none', value: 'none' },
  gapGrace: { flag: '1.5', env: '1.5', yaml: '1.5', value: 1.5 },
  sessionIdle: { flag: '601', env: '601', yaml: '601', value: 601 },
  register: { flag: 'r.json', env: 'r.json', yaml: 'r.json', value: 'r.json' },
  expectAgent: {
    flag: ['billing-bot=86400', 'a=b=60.5'],
    env: 'billing-bot=86400,a=b=60.5',
    yaml: '{ billing-bot: 86400, a=b: 60.5 }',
    value: new Map([
      ['billing-bot', 86400],
      ['a=b', 60.5],
    ]),
  },
  tlsCert: { flag: 'c.pem', env: 'c.pem', yaml: 'c.pem', value: 'c.pem' },
  tlsKey: { flag: 'k.pem', env: 'k.pem', yaml: 'k.pem', value: 'k.pem' },
  ingestToken: {
    flag: [`${HASH}:a,b`, `${HASH}:*`],
    env: `${HASH}:a,b ${HASH}:*`,
    yaml: `[{ sha256: ${HASH}, agents: [a, b] }, { sha256: ${HASH}, agents: '*' }]`,
    value: [
      { sha256: HASH, agents: ['a', 'b'] },
      { sha256: HASH, agents: '*' },
    ],
  },
  ingestTokenFile: { flag: file('[]'), env: file('[]'), yaml: file('[]'), value: expect.any(String) },
  readerToken: { flag: HASH, env: HASH, yaml: HASH, value: HASH },
  approverToken: {
    flag: [`${HASH}:bob@example.com`],
    env: `${HASH}:bob@example.com`,
    yaml: `[{ sha256: ${HASH}, name: bob@example.com }]`,
    value: [{ sha256: HASH, name: 'bob@example.com' }],
  },
  approvalsWebhook: { flag: 'https://hook', env: 'https://hook', yaml: 'https://hook', value: 'https://hook' },
  approvalsWebhookSecret: { flag: [WHSEC], env: WHSEC, yaml: `[${WHSEC}]`, value: [WHSEC] },
  approvalsWebhookFormat: { flag: 'slack', env: 'slack', yaml: 'slack', value: 'slack' },
  approvalsCallbackSecret: { flag: [WHSEC], env: WHSEC, yaml: `[${WHSEC}]`, value: [WHSEC] },
  oidcIssuer: { flag: 'https://id', env: 'https://id', yaml: 'https://id', value: 'https://id' },
  oidcClientId: { flag: 'custody', env: 'custody', yaml: 'custody', value: 'custody' },
  oidcClientSecret: { flag: 's3', env: 's3', yaml: 's3', value: 's3' },
  oidcName: { flag: 'sub', env: 'sub', yaml: 'sub', value: 'sub' },
  oidcAllow: { flag: ['*@a.example', 'bob'], env: '*@a.example,bob', yaml: "['*@a.example', bob]", value: ['*@a.example', 'bob'] },
  approvalWait: { flag: '60', env: '60', yaml: '60', value: 60 },
  publicUrl: { flag: 'https://custody', env: 'https://custody', yaml: 'https://custody', value: 'https://custody' },
  insecure: { flag: true, env: 'true', yaml: 'true', value: true },
  maxBodyBytes: { flag: '2048', env: '2048', yaml: '2048', value: 2048 },
  maxInflatedBytes: { flag: '2048', env: '2048', yaml: '2048', value: 2048 },
  maxJsonBytes: { flag: '2048', env: '2048', yaml: '2048', value: 2048 },
  maxRequestsInFlight: { flag: '7', env: '7', yaml: '7', value: 7 },
  maxBytesInFlight: { flag: '2048', env: '2048', yaml: '2048', value: 2048 },
  maxSpans: { flag: '7', env: '7', yaml: '7', value: 7 },
  maxAttributes: { flag: '7', env: '7', yaml: '7', value: 7 },
  maxSessions: { flag: '7', env: '7', yaml: '7', value: 7 },
  maxOutboxSpans: { flag: '7', env: '7', yaml: '7', value: 7 },
  findingsWebhook: { flag: 'https://soc', env: 'https://soc', yaml: 'https://soc', value: 'https://soc' },
  findingsWebhookSecret: { flag: [WHSEC, WHSEC], env: `${WHSEC} ${WHSEC}`, yaml: `[${WHSEC}, ${WHSEC}]`, value: [WHSEC, WHSEC] },
  findingsWebhookSeverity: { flag: 'critical', env: 'critical', yaml: 'critical', value: 'critical' },
  findingsLog: { flag: 'f.jsonl', env: 'f.jsonl', yaml: 'f.jsonl', value: 'f.jsonl' },
  grafanaUrl: { flag: 'https://grafana', env: 'https://grafana', yaml: 'https://grafana', value: 'https://grafana' },
  retainDays: { flag: '365', env: '365', yaml: '365', value: 365 },
  logLevel: { flag: 'warn', env: 'warn', yaml: 'warn', value: 'warn' },
};

describe('settings', () => {
  it('have a claim here, each of them', () => {
    expect(Object.keys(TAKEN).sort()).toEqual(SETTINGS.map((row) => row.key).sort());
  });

  it.each(SETTINGS.map((row) => [row.name, row] as const))(
    '%s is taken from its flag, its variable and the file, in that order of rank',
    (_name, row) => {
      const given = TAKEN[row.key];
      if (given === undefined) throw new Error('claimed above');
      const yaml = `${row.name}: ${given.yaml}\n`;
      expect(collect({}, {}, yaml)[row.key]).toEqual(given.value);
      expect(collect({}, { [row.env]: given.env })[row.key]).toEqual(given.value);
      expect(collect({ [row.key]: given.flag })[row.key]).toEqual(given.value);

      const everywhere = collect({ [row.key]: given.flag }, { [row.env]: given.env }, yaml);
      expect(everywhere.places.get(row.key)).toBe(`--${row.name}`);
      expect(collect({}, { [row.env]: given.env }, yaml).places.get(row.key)).toBe(row.env);
      expect(collect({}, {}, yaml).places.get(row.key)).toMatch(new RegExp(`yaml: ${row.name}$`));
      expect(collect().places.has(row.key)).toBe(false);
    },
  );

  it('of another subcommand are not read: a variable that is wrong there does no harm', () => {
    expect(() => loadSettings('verify', { flags: {}, env: { CUSTODY_LISTEN: 'nonsense' } })).not.toThrow();
  });

  it('treat an empty variable as one that is not set', () => {
    expect(collect({}, { CUSTODY_GAP_GRACE: ' ' }).gapGrace).toBe(30);
  });

  it('take the file from CUSTODY_CONFIG', () => {
    expect(collect({}, { CUSTODY_CONFIG: file('gap-grace: 4') }).gapGrace).toBe(4);
  });
});

describe('a wrong setting is refused with its place and what is expected', () => {
  it.each([
    ['a flag', () => collect({ gapGrace: 'soon' }), /^--gap-grace 'soon': expected a number of seconds/],
    ['a variable', () => collect({}, { CUSTODY_SESSION_IDLE: '-1' }), /^CUSTODY_SESSION_IDLE '-1': expected a number of seconds/],
    ['the file', () => collect({}, {}, 'max-spans: 1.5'), /\.yaml: max-spans: expected a whole number/],
    ['a listen address without a port', () => collect({ listen: '127.0.0.1' }), /^--listen '127.0.0.1': expected HOST:PORT/],
    ['a port beyond 65535', () => collect({ listen: '127.0.0.1:70000' }), /^--listen/],
    ['a URL of another scheme', () => collect({ tempo: 'ftp://x' }), /^--tempo: expected an http/],
    ['an entry of a token list', () => collect({ ingestToken: ['abc'] }), /^--ingest-token: entry 1: expected SHA256:AGENT/],
    ['a log level', () => collect({ logLevel: 'loud' }), /expected one of trace, debug/],
    ['a limit that is too small to work', () => collect({ maxBodyBytes: '10' }), /whole number of bytes from 1024/],
    ['a switch', () => collect({}, { CUSTODY_INSECURE: 'maybe' }), /^CUSTODY_INSECURE 'maybe': expected true or false/],
  ])('%s', (_what, run, message) => {
    const error = failure(run);
    expect(error.code).toBe('invalid_setting');
    expect(error.message).toMatch(message);
  });

  it('without repeating what may be a credential', () => {
    const messages = [
      () => collect({ tempo: 'http://user:hunter2@tempo:4318' }),
      () => collect({ tempoHeader: ['hunter2'] }),
      () => collect({ readerToken: 'hunter2' }),
      () => collect({ ingestToken: ['hunter2'] }),
    ].map((run) => failure(run).message);
    expect(messages.join(' ')).not.toContain('hunter2');
  });

  it('in the file, by its name, with those that there are', () => {
    const error = failure(() => collect({}, {}, 'gapgrace: 3'));
    expect(error.code).toBe('unknown_setting');
    expect(error.message).toMatch(/no setting 'gapgrace'.*gap-grace/);
  });

  it.each([
    ['is not there', () => collect({}, { CUSTODY_CONFIG: join(folder, 'none.yaml') })],
    ['is no YAML', () => collect({}, {}, 'a: [')],
    ['is no mapping', () => collect({}, {}, '- a')],
  ])('as unreadable when the file %s', (_what, run) => {
    expect(failure(run).code).toBe('unreadable_file');
  });
});

describe('beyond loopback', () => {
  const tokens = { ingestToken: [`${HASH}:a`], readerToken: HASH };

  it.each([
    ['no token at all', {}, /an ingest token.*and the reader's token/],
    ['no reader token', { ingestToken: tokens.ingestToken }, /needs the reader's token/],
    ['no ingest token', { readerToken: HASH }, /needs an ingest token/],
  ])('the collector does not start with %s', (_what, flags, message) => {
    const error = failure(() => plan({ listen: '0.0.0.0:4318', ...flags }));
    expect(error.code).toBe('unprotected');
    expect(error.message).toMatch(message);
  });

  it('it starts with both, and with --insecure, which it warns of', () => {
    expect(plan({ listen: '0.0.0.0:4318', ...tokens }).warnings.join()).toMatch(/in clear/);
    expect(plan({ listen: '[::]:4318', insecure: true }).warnings.join()).toMatch(/anyone who reaches the port can send.*can read/);
  });

  it.each(['127.0.0.1:1', '127.3.4.5:1', '[::1]:1', 'localhost:1'])('%s is not', (listen) => {
    expect(plan({ listen }).warnings).toEqual([]);
  });
});

describe('what settings say together', () => {
  it.each([
    [
      'findings',
      { findingsWebhook: 'http://soc.example/x', findingsWebhookSecret: [WHSEC] },
      /findings are posted in clear \(--findings-webhook\)/,
    ],
    [
      'arguments',
      { approvalsWebhook: 'http://chat.example/x', approvalsWebhookSecret: [WHSEC] },
      /with their arguments, in clear \(--approvals-webhook\)/,
    ],
    ['sign-ins', { publicUrl: 'http://custody.example' }, /people sign in and decide in clear \(--public-url\)/],
    [
      'a secret for callbacks',
      { approvalsCallbackSecret: [WHSEC] },
      /--approvals-callback-secret is on the command line.*use CUSTODY_APPROVALS_CALLBACK_SECRET/,
    ],
    [
      'a client secret',
      { oidcIssuer: 'https://id.example', oidcClientId: 'x', oidcClientSecret: 'y' },
      /--oidc-client-secret is on the command line/,
    ],
  ])('warns of %s that others can read', (_what, flags, warning) => {
    expect(plan(flags).warnings.join('\n')).toMatch(warning);
  });

  it.each([
    ['in clear', { oidcIssuer: 'http://id.example' }, /--oidc-issuer: expected an https:\/\/ URL/],
    [
      'without a way back',
      { listen: '0.0.0.0:4318', ingestToken: [`${HASH}:*`], readerToken: HASH },
      /--oidc-issuer: .*name it with --public-url/,
    ],
  ])('a sign-in %s is refused at the start', (_how, flags, message) => {
    const oidc = { oidcIssuer: 'https://id.example', oidcClientId: 'custody', ...flags };
    expect(failure(() => plan(oidc)).message).toMatch(message);
    expect(plan({ ...oidc, oidcIssuer: 'http://127.0.0.1:9', publicUrl: 'https://custody.example' }).options.approvals?.oidc).toBeDefined();
  });

  it('warns of links that lead nowhere', () => {
    const flags = { listen: '0.0.0.0:4318', insecure: true, approvalsWebhook: 'https://chat.example', approvalsWebhookSecret: [WHSEC] };
    expect(plan(flags).warnings.join()).toMatch(/links in what --approvals-webhook posts.*--public-url/);
    expect(plan({ ...flags, publicUrl: 'https://custody.example' }).warnings.join()).not.toMatch(/links/);
  });

  it('has nothing against webhooks over loopback and secrets in variables', () => {
    const webhook = { approvalsWebhook: 'http://127.0.0.1:9/x', publicUrl: 'http://[::1]:4318' };
    expect(plan(webhook, { CUSTODY_APPROVALS_WEBHOOK_SECRET: WHSEC }).warnings).toEqual([]);
  });

  it('an idle limit under twice the heartbeat draws a warning', () => {
    expect(plan({ sessionIdle: '599' }).warnings.join()).toMatch(/under twice the usual heartbeat/);
    expect(plan({ sessionIdle: '600' }).warnings).toEqual([]);
  });

  it('a certificate without its key is refused', () => {
    expect(failure(() => plan({ tlsCert: 'c.pem' })).message).toMatch(/--tls-key is missing/);
    expect(failure(() => plan({ tlsKey: 'k.pem' })).message).toMatch(/--tls-cert is missing/);
  });

  it('a key that is not that of the certificate is refused, the right one taken', () => {
    const pem = (name: string) => fileURLToPath(new URL(`./fixtures/${name}.pem`, import.meta.url));
    expect(failure(() => plan({ tlsCert: pem('localhost.cert'), tlsKey: pem('other.key') })).message).toMatch(
      /is not the key of the certificate/,
    );
    expect(plan({ tlsCert: pem('localhost.cert'), tlsKey: pem('localhost.key') }).options.tls?.cert).toContain('BEGIN CERTIFICATE');
  });

  it('a certificate that is no PEM is refused by its name', () => {
    const path = file('no certificate');
    expect(failure(() => plan({ tlsCert: path, tlsKey: path })).message).toContain(`--tls-cert ${path}: expected a PEM file`);
  });

  it('tokens of a file join those of the settings', () => {
    const path = file(`- { sha256: ${HASH}, agents: [c] }\n- ${HASH}:d`);
    const settings = collect({ ingestToken: [`${HASH}:a`], ingestTokenFile: path });
    expect(settings.ingestToken.map((token) => token.agents)).toEqual([['a'], ['c'], ['d']]);
    expect(failure(() => collect({ ingestTokenFile: file('- x') })).message).toMatch(/\(--ingest-token-file\): entry 1/);
  });
});

describe('where spans are forwarded to', () => {
  it.each([
    [{ tempo: 'http://tempo:4318' }, {}, 'http://tempo:4318/v1/traces'],
    [{ tempo: 'http://tempo:4318/' }, {}, 'http://tempo:4318/v1/traces'],
    [{ tempo: 'https://gw/otlp/v1/traces' }, {}, 'https://gw/otlp/v1/traces'],
    [{}, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://tempo:4318' }, 'http://tempo:4318/v1/traces'],
    [{}, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://tempo/in' }, 'http://tempo/in'],
    [{ tempo: 'http://tempo:4318' }, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://other:4318' }, 'http://tempo:4318/v1/traces'],
    [{}, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://tempo:4318', OTEL_TRACES_EXPORTER: 'none' }, undefined],
    [{}, {}, undefined],
  ])('%j with %j: %s', (flags, env, url) => {
    expect(plan(flags, env as Record<string, string>).options.forwarding?.url).toBe(url);
  });

  it('headers of the OTEL variables go with the endpoint of the OTEL variables and to no other', () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://tempo:4318',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20x,a=1',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'a=2',
    };
    expect(plan({}, env).options.forwarding?.headers).toEqual({ authorization: 'Bearer x', a: '2' });
    expect(plan({ tempo: 'http://tempo:4318', tempoHeader: ['b: 3'] }, env).options.forwarding?.headers).toEqual({ b: '3' });
  });

  it('the timeout is that of the OTEL variables, in milliseconds', () => {
    expect(plan({ tempo: 'http://tempo:4318' }, { OTEL_EXPORTER_OTLP_TIMEOUT: '1234' }).options.forwarding?.timeoutMs).toBe(1234);
  });

  it.each([
    [{ tempo: 'http://tempo:4318' }, {}, 'gzip'],
    [{ tempo: 'http://127.0.0.1:4320' }, {}, 'none'],
    [{ tempo: 'http://[::1]:4320' }, {}, 'none'],
    [{ tempo: 'http://127.0.0.1:4320' }, { OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' }, 'gzip'],
    [{ tempo: 'http://tempo:4318' }, { OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip', OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: 'none' }, 'none'],
    [{ tempo: 'http://tempo:4318', tempoCompression: 'none' }, { OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' }, 'none'],
  ])('%j with %j: compressed as %s', (flags, env, compression) => {
    expect(plan(flags, env as Record<string, string>).options.forwarding?.compression).toBe(compression);
  });

  it('with the certificates that the OTEL variables name, which must be PEM files', () => {
    const pem = (name: string) => fileURLToPath(new URL(`./fixtures/${name}.pem`, import.meta.url));
    const env = {
      OTEL_EXPORTER_OTLP_CERTIFICATE: pem('other.key'),
      OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE: pem('localhost.cert'),
      OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: pem('localhost.cert'),
      OTEL_EXPORTER_OTLP_CLIENT_KEY: pem('localhost.key'),
    };
    const text = (name: string) => readFileSync(pem(name), 'utf8');
    expect(plan({ tempo: 'https://tempo:4318' }, env).options.forwarding?.tls).toEqual({
      ca: text('localhost.cert'),
      cert: text('localhost.cert'),
      key: text('localhost.key'),
    });
    const wrong = (path: string) => failure(() => plan({ tempo: 'https://tempo:4318' }, { OTEL_EXPORTER_OTLP_CERTIFICATE: path })).message;
    expect(wrong('/none.pem')).toMatch(/OTEL_EXPORTER_OTLP_CERTIFICATE \/none\.pem: ENOENT/);
    expect(wrong(file('[]'))).toMatch(/expected a PEM file/);
  });

  it('never to the collector itself', () => {
    expect(failure(() => plan({ tempo: 'http://localhost:4318' })).message).toMatch(/forward to itself/);
    const { options, warnings } = plan({}, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' });
    expect(options.forwarding).toBeUndefined();
    expect(warnings.join()).toMatch(/own address/);
  });

  it('not over gRPC, which is said', () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://tempo:4317', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' };
    expect(failure(() => plan({}, env)).message).toMatch(/grpc.*--tempo/);
  });
});

describe('where sessions are read back from', () => {
  const flags = { tempo: 'http://tempo:4318', tempoQuery: 'http://tempo:3200', reconcile: '10' };

  it('the query API, with the tenant that is forwarded to and no credentials of its', () => {
    const tempoHeader = ['X-Scope-OrgID: team-a', 'Authorization: Bearer write'];
    expect(plan({ ...flags, tempoHeader }).options.reconcile).toEqual({
      url: 'http://tempo:3200',
      afterMs: 600_000,
      headers: { 'x-scope-orgid': 'team-a' },
    });
    const own = plan({ ...flags, tempoHeader, tempoQueryHeader: ['Authorization: Bearer read', 'X-Scope-OrgID: team-b'] });
    expect(own.options.reconcile?.headers).toEqual({ 'x-scope-orgid': 'team-b', authorization: 'Bearer read' });
  });

  it('nowhere unless it is asked for, and only what is forwarded', () => {
    expect(plan({ tempo: 'http://tempo:4318', tempoQuery: 'http://tempo:3200' }).options.reconcile).toBeUndefined();
    expect(failure(() => plan({ ...flags, tempoQuery: undefined })).message).toMatch(/--reconcile: .*--tempo-query URL/);
    expect(failure(() => plan({ ...flags, tempo: undefined })).message).toMatch(/--reconcile: .*--tempo URL/);
  });
});

it('OTEL_LOG_LEVEL sets the level of the log where no setting does', () => {
  expect(plan({}, { OTEL_LOG_LEVEL: 'DEBUG' }).options.logLevel).toBe('debug');
  expect(plan({ logLevel: 'error' }, { OTEL_LOG_LEVEL: 'DEBUG' }).options.logLevel).toBe('error');
  expect(plan().options.logLevel).toBe('info');
});
