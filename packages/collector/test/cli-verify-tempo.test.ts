import { join } from 'node:path';
import { ATTR } from '@agent-custody/chain';
import { describe, expect, it, vi } from 'vitest';
import { newToken } from '../src/settings/index.js';
import { run } from './command.js';
import { disclosingSession } from './disclosing-session.js';
import { get, newFolder } from './service-support.js';
import { sessionOf } from './sessions.js';
import { TempoStore } from './tempo-store.js';
import { arrived, at, delivered, newLedger, post, sessionIdOf, startForwarding, startTempo } from './tempo-support.js';

// Each test starts processes; how long that takes on a busy machine is no claim of theirs.
vi.setConfig({ testTimeout: 60_000 });

interface Printed {
  readonly session: string;
  readonly integrity: string;
  readonly completeness: string;
  readonly findings: readonly { readonly code: string; readonly seq: number }[];
  readonly not_verified?: readonly object[];
}

/** The command, with nothing to wait for. */
async function verify(query: string, ...args: readonly string[]) {
  const { status, stdout, stderr } = await run(['verify', '--tempo', query, '--settle', '0', '--json', ...args]);
  return { status, stderr, sessions: stdout === '' ? [] : (JSON.parse(stdout) as Printed[]) };
}
const codes = (printed: Printed | undefined): readonly string[] => (printed?.findings ?? []).map(({ code, seq }) => `${code}@${seq}`);

async function forwarded(links = sessionOf()) {
  const tempo = await startTempo();
  const ledger = newLedger();
  const collector = await startForwarding(tempo, ledger);
  await post(collector.url, links);
  await delivered(tempo, collector, links);
  return { ...tempo, ledger, collector, links, session: sessionIdOf(links) };
}

describe('agent-custody verify --tempo', () => {
  it('exits with 0 for what is intact, complete and as the ledger has it, and is silent beside its answer', async () => {
    const { query, ledger, session } = await forwarded();
    const { status, stderr, sessions } = await verify(query, '--ledger', ledger);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(sessions).toEqual([
      { session, agent: 'billing-bot', integrity: 'intact', completeness: 'complete', authority: 'unknown', links: 6, findings: [] },
    ]);
  });

  it('exits with 1 for a span that was edited, with 2 for one that was deleted, which the ledger alone may tell', async () => {
    const edited = await forwarded();
    edited.tempo.store.edit(at(edited.session, 2), ATTR.toolName, 'wire_money');
    expect((await verify(edited.query)).status).toBe(1);
    const open = await forwarded(sessionOf({ ended: false }));
    open.tempo.store.remove(at(open.session, 5));
    expect((await verify(open.query)).status).toBe(0);
    const compared = await verify(open.query, '--ledger', open.ledger);
    expect([compared.status, codes(compared.sessions[0])]).toEqual([2, ['tempo_divergence@5']]);
  });

  it('compares with a collector by its API as well, and gives it the reader’s token', async () => {
    const tempo = await startTempo();
    const { token, sha256 } = newToken();
    const collector = await startForwarding(tempo, ':memory:', { readerTokenSha256: sha256 });
    const links = sessionOf();
    await post(collector.url, links);
    const own = { headers: { authorization: `Bearer ${token}` } };
    await arrived(tempo, links);
    await vi.waitFor(async () => expect((await get(collector, '/metrics', own)).body).toMatch(/^custody_outbox_spans 0$/m));
    const same = await run(['verify', '--tempo', tempo.query, '--settle', '0.2', '--collector', collector.url], {
      env: { CUSTODY_TOKEN: token },
    });
    expect([same.status, same.stderr]).toEqual([0, '']);
    tempo.tempo.store.remove(at(sessionIdOf(links), 3));
    const compared = await verify(tempo.query, '--collector', collector.url, '--token', token, '--session', sessionIdOf(links));
    expect(codes(compared.sessions[0])).toContain('tempo_divergence@3');
    const refused = await verify(tempo.query, '--collector', collector.url);
    expect(refused).toMatchObject({ status: 2, stderr: expect.stringMatching(/reader's token: --token or CUSTODY_TOKEN/) });
  });

  it('says what Tempo cut: not verified, and nothing wrong', async () => {
    const { query, session } = await forwarded(disclosingSession({ arguments: JSON.stringify('x'.repeat(3_000)) }));
    const { status, sessions } = await verify(query, '--session', session);
    expect(status).toBe(0);
    expect(sessions[0]?.not_verified).toEqual([
      { seq: 2, attribute: ATTR.toolArguments, span_id: expect.stringMatching(/^[0-9a-f]{16}$/), reason: 'cut' },
    ]);
    const text = await run(['verify', '--tempo', query, '--settle', '0']);
    expect(text.stdout).toMatch(/not verified: cut by the store.*gen_ai\.tool\.call\.arguments of seq 2\s+\(2048 bytes/s);
    const wrong = await verify(query, '--max-attribute-bytes', '4096');
    expect([wrong.status, codes(wrong.sessions[0])]).toEqual([1, ['disclosure_mismatch@2']]);
  });

  it('sees the tenant that it is told, and no other', async () => {
    const tempo = await startTempo();
    const own = new TempoStore();
    tempo.tempo.query.tenants = new Map([
      ['team-a', tempo.tempo.store],
      ['team-b', own],
    ]);
    const links = sessionOf();
    await post(tempo.ingest, links);
    expect((await verify(tempo.query, '--org', 'team-a')).sessions.map(({ session }) => session)).toEqual([sessionIdOf(links)]);
    expect(await verify(tempo.query, '--org', 'team-b')).toMatchObject({ status: 2, sessions: [] });
    expect(await verify(tempo.query)).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/401: no org id; name the tenant \(--org\)/),
    });
  });

  it('reads sessions of the time asked for', async () => {
    const { query, session } = await forwarded();
    expect((await verify(query, '--since', '30m')).sessions.map((printed) => printed.session)).toEqual([session]);
    expect(await verify(query, '--session', '0'.repeat(31).concat('1'))).toMatchObject({ status: 2, sessions: [] });
  });

  it('sends the headers that it is told by CUSTODY_TEMPO_QUERY_HEADER', async () => {
    const { tempo, query } = await startTempo();
    await run(['verify', '--tempo', query], { env: { CUSTODY_TEMPO_QUERY_HEADER: 'Authorization: Bearer abc' } });
    expect(tempo.queries[0]?.headers.authorization).toBe('Bearer abc');
  });

  it.each([
    ['404', 404, /not Tempo's query API.*port 3200/],
    ['401', 401, /Tempo answered 401/],
    ['400', 400, /refused the query/],
  ] as const)('ends with 2 and words, without a stack, at %s', async (_what, status, message) => {
    const { tempo, query } = await startTempo();
    tempo.alwaysQuery({ type: 'status', status });
    const ended = await verify(query);
    expect(ended).toMatchObject({ status: 2, sessions: [], stderr: expect.stringMatching(message) });
    expect(ended.stderr).not.toMatch(/^\s+at /m);
  });

  it('waits when Tempo is busy, and not for ever for an answer', async () => {
    const busy = await forwarded();
    busy.tempo.nextQuery({ type: 'status', status: 429, headers: { 'retry-after': '1' } });
    expect((await verify(busy.query)).status).toBe(0);
    const { tempo, query } = await startTempo();
    tempo.alwaysQuery({ type: 'silent' });
    expect(await verify(query, '--timeout', '0.1')).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/no answer from Tempo within 0.1 s/),
    });
  });
});

describe('agent-custody verify answers 64 to', () => {
  it.each([
    ['no URL', ['--tempo', 'tempo:3200'], /--tempo: expected an http/],
    ['credentials in a URL', ['--tempo', 'http://user:secret@127.0.0.1:3200'], /must not hold a user name/],
    ['a time that is none', ['--tempo', 'http://127.0.0.1:1', '--since', 'yesterday'], /--since: expected a duration/],
    ['two records at once', ['--tempo', 'http://127.0.0.1:1', '--ledger', 'a', '--collector', 'http://127.0.0.1:1'], /exclude each other/],
    ['a tenant of nothing', ['--org', 'team-a'], /--org goes with --tempo/],
    ['a limit of nothing', ['--tempo', 'http://127.0.0.1:1', '--max-attribute-bytes', '0'], /max_attribute_bytes/],
    ['a ledger that is not there', ['--tempo', 'http://127.0.0.1:1', '--ledger', join(newFolder(), 'none')], /there is no ledger at/],
  ] as const)('%s', async (_what, args, message) => {
    const { status, stdout, stderr } = await run(['verify', ...args]);
    expect({ status, stdout }).toEqual({ status: 64, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('secret');
  });
});
