import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ATTR } from '@agent-custody/chain';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { edit, rehash, Script } from '../packages/chain/test/script.js';
import { tokenHash } from '../packages/collector/src/settings/tokens.js';
import { Victim } from './attacks-collector.js';
import { freePort, runCommand, startAgent } from './processes.js';

// What must not be known: credentials that an agent handles, nowhere at all; what it was asked to do, outside of the evidence itself.
// The values are made up; their shapes are those of real ones.

const CREDENTIALS = {
  password: 'correct-horse-battery-staple',
  'x-api-key': 'f3b1c2d4e5a697887766554433221100',
  authorization: 'Bearer 0a1b2c3d4e5f60718293a4b5c6d7e8f9',
  client_secret: 'kJ8.pQ2~rS4-tU6_vW8xY0zA1bC3dE5f',
  url: 'postgres://app:hunter2hunter2@db.example.com/app',
  aws: `AKIA${'IOSFODNN7EXAMPLE'}`,
  github: `ghp_${'a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8'}`,
  openai: `sk-proj-${'Zx9Yw8Vu7Ts6Rq5Po4Nm3Lk2Ji1Hg0'}`,
  jwt: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U',
};
const ORDINARY = 'ordinary-argument-4711';
const TOKEN = 'custody_token-of-the-agent-8c1f';
/** What cannot be mistaken for anything else, of each credential. */
const SECRETS = [...Object.values(CREDENTIALS), 'hunter2hunter2', '0a1b2c3d4e5f60718293a4b5c6d7e8f9', TOKEN];

const victim = new Victim();
/** Everything that anyone could look at, by name. */
const places = new Map<string, string>();

function keep(where: string, what: string | Buffer): void {
  places.set(where, (places.get(where) ?? '') + (typeof what === 'string' ? what : what.toString('latin1')));
}

function agent(endpoint: string, level: string) {
  return startAgent('secretive', {
    CUSTODY_ENDPOINT: endpoint,
    CUSTODY_HEADERS: `authorization=Bearer%20${TOKEN}`,
    CUSTODY_SPOOL: join(victim.folder, 'spool'),
    CUSTODY_CAPTURE: 'arguments,reason,result',
    OTEL_LOG_LEVEL: level,
    OTEL_TRACES_EXPORTER: 'console',
    CREDENTIALS: JSON.stringify(CREDENTIALS),
    ORDINARY,
  });
}

beforeAll(async () => {
  await victim.start('--log-level', 'trace', '--ingest-token', `${tokenHash(TOKEN)}:secretive`);
  // First at an address where nobody is: errors are told, and the spool keeps everything.
  const lonely = agent(`http://user:${CREDENTIALS.password}@127.0.0.1:${await freePort()}`, 'all');
  await lonely.closed;
  keep('the output of an agent without a collector', lonely.lines.join('\n'));
  for (const name of readdirSync(join(victim.folder, 'spool'))) keep('the spool', readFileSync(join(victim.folder, 'spool', name)));

  const served = agent(victim.url, 'all');
  await served.closed;
  keep('the output of an agent', served.lines.join('\n'));
  // Somebody who hopes that a refusal repeats what it refuses.
  const { links } = new Script('secrets', undefined, 'secretive').start().intent('a');
  const [start, intent] = links as [(typeof links)[0], (typeof links)[0]];
  const bearer = { authorization: `Bearer ${TOKEN}` };
  const refused = [
    [start, edit(intent, { [ATTR.toolName]: CREDENTIALS.github })],
    [edit(intent, { [`custody.${CREDENTIALS.jwt}`]: 'x', [ATTR.kind]: CREDENTIALS.password })],
    [edit(intent, { [ATTR.reason]: CREDENTIALS.password, 'custody.salt.reason': CREDENTIALS.openai })],
    [rehash(intent, { [ATTR.agentId]: CREDENTIALS.client_secret })],
  ];
  for (const spans of refused) keep('an answer', await (await victim.post(spans, undefined, bearer)).text());
  for (const body of [CREDENTIALS.password, `{"resourceSpans": ${CREDENTIALS.jwt}`]) {
    for (const type of ['application/x-protobuf', 'application/json', CREDENTIALS.openai]) {
      keep('an answer', await (await victim.postBytes(Buffer.from(body), { ...bearer, 'content-type': type })).text());
    }
  }
  keep('an answer', await (await victim.postBytes(Buffer.from('x'), { authorization: `Bearer ${CREDENTIALS.github}` })).text());
  await victim.shows('content_mismatch', start.session);
  keep('metrics', await victim.metrics());
  keep('findings', JSON.stringify(await victim.findings()));
  keep('finding spans', JSON.stringify(victim.findingSpans()));
  keep('the log of the collector', (victim.process?.lines ?? []).join('\n'));
  keep('what verify prints', (await runCommand(['verify', '--ledger', join(victim.folder, 'ledger.db')])).stdout);
}, 30_000);
afterAll(() => victim.stop());

/** The evidence of what the agent itself did. What somebody else sends is kept as it came: that is what a ledger is for. */
async function evidence(): Promise<string> {
  const { sessions } = await victim.get<{ sessions: { session: string; agent: string; links: number }[] }>('/api/v1/sessions');
  const own = sessions.filter(({ links }) => links > 10);
  expect(own).toHaveLength(1);
  const chain = await victim.get(`/api/v1/sessions/${own[0]?.session}`);
  return JSON.stringify(chain);
}

describe('credentials', () => {
  test('are in no output, log, answer, metric or finding, nor in the spool', () => {
    const leaks = [...places].flatMap(([where, what]) =>
      SECRETS.filter((secret) => what.includes(secret)).map((secret) => `${secret} in ${where}`),
    );
    expect(leaks).toEqual([]);
    expect(places.size).toBe(9);
  });

  test('are not in the evidence of the agent that handled them', async () => {
    const known = await evidence();
    expect(SECRETS.filter((secret) => known.includes(secret))).toEqual([]);
    expect(known).toContain(ORDINARY);
  });
});

describe('what an agent was asked to do', () => {
  test('is in the spool, and in nothing that operators read', () => {
    const open = [...places].filter(([, what]) => what.includes(ORDINARY)).map(([where]) => where);
    expect(open.filter((where) => !where.startsWith('the output of an agent'))).toEqual(['the spool']);
  });
});

describe('what is kept', () => {
  test('can be read by its owner alone', () => {
    const modes = ['spool', 'ledger.db', 'ledger.db-wal'].map((name) => statSync(join(victim.folder, name)).mode & 0o077);
    const spooled = readdirSync(join(victim.folder, 'spool')).map((name) => statSync(join(victim.folder, 'spool', name)).mode & 0o177);
    expect([...modes, ...spooled].filter((mode) => mode !== 0)).toEqual([]);
  });
});
