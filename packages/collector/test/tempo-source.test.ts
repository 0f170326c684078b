import { ATTR, ChainWriter, type Place, type SessionReport } from '@agent-custody/chain';
import { afterEach, describe, expect, it } from 'vitest';
import { nodeHashing } from '../src/hashing.js';
import { type Ledger, openSqliteLedger, readSqliteLedger } from '../src/ledger/index.js';
import { TempoClient, type TempoReader } from '../src/tempo/client.js';
import { LedgerEvidence } from '../src/verify/ledger-evidence.js';
import { judgeTempo, type TempoJudgement, type TempoSourceOptions } from '../src/verify/tempo-source.js';
import { disclosingSession } from './disclosing-session.js';
import { newId, sessionOf } from './sessions.js';
import {
  arrived,
  at,
  delivered,
  newLedger,
  ofSession,
  post,
  sessionIdOf,
  startForwarding,
  startTempo,
  type Tempo,
} from './tempo-support.js';

const opened: Ledger[] = [];
afterEach(() => {
  for (const ledger of opened.splice(0)) ledger.close();
});

interface Asked extends Partial<TempoSourceOptions> {
  readonly session?: string;
  readonly sinceMs?: number;
  readonly ledger?: string;
  /** Around the client. */
  readonly around?: (client: TempoReader) => TempoReader;
}

/** What `verify --tempo` does, with nothing to wait for. */
async function judge(
  { query }: Pick<Tempo, 'query'>,
  { session, sinceMs, ledger, around = (client) => client, ...options }: Asked = {},
): Promise<TempoJudgement> {
  const record = ledger === undefined ? undefined : readSqliteLedger(ledger);
  if (record !== undefined) opened.push(record);
  const since = { sinceMs: sinceMs ?? Date.now() - 3_600_000 };
  return judgeTempo(
    around(new TempoClient({ url: query })),
    session === undefined ? { type: 'since', ...since } : { type: 'session', session, ...since },
    {
      hashing: nodeHashing,
      attributeBytes: 2048,
      settleMs: 0,
      atRest: false,
      evidence: record && new LedgerEvidence(record, 'the ledger'),
      now: Date.now,
      sleep: async () => undefined,
      ...options,
    },
  );
}

const codes = (report: SessionReport | undefined): readonly string[] => (report?.findings ?? []).map(({ code, seq }) => `${code}@${seq}`);
const reportOf = ({ judgement }: TempoJudgement, session: string): SessionReport | undefined =>
  judgement.sessions.find((report) => report.session === session);

/** A session forwarded through a collector to Tempo. */
async function forwarded(links = sessionOf(), before?: Tempo) {
  const tempo = before ?? (await startTempo());
  const ledger = newLedger();
  const collector = await startForwarding(tempo, ledger);
  await post(collector.url, links);
  await delivered(tempo, collector, links);
  return { ...tempo, links, ledger, collector, session: sessionIdOf(links) };
}

describe('what a Tempo holds', () => {
  it('is judged as it would be in a ledger: intact and complete, collector’s own spans passed over', async () => {
    const { tempo, query, ledger, session, links } = await forwarded();
    await tempo.until(() => tempo.stored.some(({ name }) => name.startsWith('verdict ')));
    const found = await judge({ query }, { ledger });
    expect(reportOf(found, session)).toMatchObject({ integrity: 'intact', completeness: 'complete', links: links.length, findings: [] });
    expect(found.problems).toEqual([]);
  });

  it('is none the worse for spans that were posted twice', async () => {
    const sent = await forwarded();
    await post(sent.ingest, sent.links);
    expect(codes(reportOf(await judge(sent, { ledger: sent.ledger }), sent.session))).toEqual([]);
  });

  it('shows a link that was deleted as a gap, and one that was edited as a mismatch', async () => {
    const sent = await forwarded();
    const other = sessionOf();
    await post(sent.ingest, other);
    sent.tempo.store.remove(at(sent.session, 3));
    sent.tempo.store.edit(at(sessionIdOf(other), 2), ATTR.toolName, 'wire_money');
    const found = await judge(sent, { atRest: true });
    expect(codes(reportOf(found, sent.session))).toContain('gap@3');
    expect(codes(reportOf(found, sessionIdOf(other)))).toEqual(['content_mismatch@2']);
  });

  it('does not miss what is younger than what search may take to see', async () => {
    const sent = await forwarded();
    sent.tempo.store.remove(at(sent.session, 3));
    expect(codes(reportOf(await judge(sent, { settleMs: 60_000 }), sent.session))).toEqual([]);
  });

  it('names content that Tempo cut, and finds nothing wrong with it', async () => {
    const links = disclosingSession({ arguments: JSON.stringify('x'.repeat(3_000)), reason: 'The invoice is due.' });
    const sent = await forwarded(links);
    const found = await judge(sent, { ledger: sent.ledger, atRest: true });
    expect(reportOf(found, sent.session)).toMatchObject({ integrity: 'intact', completeness: 'complete', findings: [] });
    expect(found.cut.get(sent.session)?.map(({ seq, key, rest }) => [seq, key, rest.length])).toEqual([[2, ATTR.toolArguments, 2048]]);
  });

  it('finds a session whose links are in several traces, some from before the time asked for', async () => {
    const tempo = await startTempo();
    const session = newId(16);
    const writer = new ChainWriter({ session, agent: { id: 'billing-bot', name: 'billing-bot' }, hashing: nodeHashing });
    const place = (daysAgo: number): Place => ({
      traceId: newId(16),
      spanId: newId(8),
      now: BigInt(Date.now() - daysAgo * 86_400_000) * 1_000_000n,
    });
    const components = { system_prompt: 'a'.repeat(64), tools: 'b'.repeat(64), memory: 'c'.repeat(64) };
    const links = [
      writer.start({ components, principal: 'ann@example.com' }, place(2)),
      writer.heartbeat(place(2)),
      writer.heartbeat(place(0)),
      writer.end('completed', place(0)),
    ];
    await post(tempo.ingest, links);
    const report = reportOf(await judge(tempo, { atRest: true }), session);
    expect(report).toMatchObject({ links: 4, completeness: 'complete', findings: [] });
  });

  it('tells of a session of which nothing but a malformed span is there', async () => {
    const sent = await forwarded();
    sent.tempo.store.remove((attributes) => attributes.get(ATTR.sessionId) === sent.session && attributes.get(ATTR.seq) !== 2);
    sent.tempo.store.edit(at(sent.session, 2), ATTR.prev, 'nothing');
    expect(codes(reportOf(await judge(sent), sent.session))).toEqual(['malformed@2']);
  });

  it('reads the parent that a session names, or it would be an orphan', async () => {
    const tempo = await startTempo();
    const parent = sessionOf({ actions: 1 });
    const spawner = parent[1];
    if (spawner === undefined) throw new Error('no link');
    const child = sessionOf({ parent: { session: spawner.session, seq: spawner.seq, hash: spawner.hash } });
    await post(tempo.ingest, parent);
    await post(tempo.ingest, child);
    const found = await judge(tempo, { session: sessionIdOf(child), atRest: true });
    expect(found.judgement.sessions.map((report) => [report.session, codes(report)])).toEqual([[sessionIdOf(child), []]]);
  });

  it('is read over more sessions than one search shows', async () => {
    const tempo = await startTempo();
    const sessions = Array.from({ length: 40 }, () => sessionOf({ actions: 0 }));
    for (const links of sessions) await post(tempo.ingest, links);
    const found = await judge(tempo, { searchLimit: 10, atRest: true });
    expect(tempo.tempo.queries.filter(({ url }) => url.startsWith('/api/search')).length).toBeGreaterThan(4);
    expect(found.judgement.sessions).toHaveLength(40);
  });

  it('says which trace it gives only a part of', async () => {
    const sent = await forwarded();
    const trace = sent.links[0]?.traceId ?? '';
    sent.tempo.query.partial = new Set([trace]);
    sent.tempo.store.remove(at(sent.session, 3));
    const found = await judge(sent, { ledger: sent.ledger });
    expect(found.problems.join('\n')).toContain(trace);
    expect(codes(reportOf(found, sent.session)).filter((code) => code.startsWith('tempo_divergence'))).toEqual([]);
  });
});

describe('a Tempo held against the ledger', () => {
  it('has lost a link that is on record', async () => {
    const sent = await forwarded();
    sent.tempo.store.remove(at(sent.session, 3));
    const report = reportOf(await judge(sent, { ledger: sent.ledger }), sent.session);
    expect(report).toMatchObject({ integrity: 'intact', completeness: 'incomplete' });
    expect(report?.findings.find(({ code }) => code === 'tempo_divergence')).toMatchObject({
      seq: 3,
      severity: 'high',
      detail: 'link 3 is on record and not in Tempo',
      traceId: sent.links[2]?.traceId,
      spanId: sent.links[2]?.spanId,
    });
  });

  it('holds a link other than it is on record', async () => {
    const sent = await forwarded();
    sent.tempo.store.edit(at(sent.session, 2), ATTR.toolName, 'wire_money');
    const report = reportOf(await judge(sent, { ledger: sent.ledger }), sent.session);
    const divergence = report?.findings.find(({ code }) => code === 'tempo_divergence');
    expect(divergence).toMatchObject({ seq: 2, detail: expect.stringContaining(ATTR.toolName) });
    expect(divergence?.detail).not.toContain('wire_money');
  });

  it('has lost the end of a session, which no chain can tell', async () => {
    const open = sessionOf({ ended: false, actions: 2 });
    const sent = await forwarded(open);
    sent.tempo.store.remove(at(sent.session, 5));
    expect(codes(reportOf(await judge(sent), sent.session))).toEqual([]);
    expect(codes(reportOf(await judge(sent, { ledger: sent.ledger }), sent.session))).toEqual(['tempo_divergence@5']);
  });

  it('has lost a whole session', async () => {
    const sent = await forwarded();
    sent.tempo.store.remove(ofSession(sent.session));
    const report = reportOf(await judge(sent, { ledger: sent.ledger }), sent.session);
    expect(codes(report)).toEqual(['tempo_divergence@1']);
    expect(report).toMatchObject({ agent: 'billing-bot', links: 0, integrity: 'unknown', completeness: 'incomplete' });
    expect(report?.findings[0]?.detail).toBe('none of the 6 links on record is in Tempo');
  });

  it('holds a session and links that are not on record', async () => {
    const sent = await forwarded(sessionOf({ ended: false }));
    const foreign = sessionOf();
    await post(sent.ingest, foreign);
    const added = sessionOf({ id: sent.session, actions: 3, ended: false }).slice(5);
    await post(sent.ingest, added);
    const found = await judge(sent, { ledger: sent.ledger });
    expect(codes(reportOf(found, sessionIdOf(foreign)))).toEqual(['tempo_divergence@1']);
    expect(codes(reportOf(found, sent.session))).toEqual(expect.arrayContaining(['tempo_divergence@6', 'tempo_divergence@7']));
  });

  it('holds cut content that does not begin as what is on record', async () => {
    const links = disclosingSession({ arguments: JSON.stringify('x'.repeat(3_000)) });
    const sent = await forwarded(links);
    sent.tempo.store.edit(at(sent.session, 2), ATTR.toolArguments, JSON.stringify('y'.repeat(3_000)).slice(0, 2_048));
    const found = await judge(sent, { ledger: sent.ledger });
    expect(codes(reportOf(found, sent.session))).toEqual(['tempo_divergence@2']);
  });

  it('is not blamed for what waits in the outbox', async () => {
    const sent = await forwarded();
    sent.tempo.always({ type: 'status', status: 503 });
    const later = sessionOf();
    await post(sent.collector.url, later);
    expect(codes(reportOf(await judge(sent, { ledger: sent.ledger }), sessionIdOf(later)))).toEqual([]);
  });

  it('is not blamed for what it refused: that is set aside, and known', async () => {
    const tempo = await startTempo();
    const links = sessionOf();
    tempo.tempo.poison = ({ spanId }) => spanId === links[2]?.spanId;
    const ledger = newLedger();
    const collector = await startForwarding(tempo, ledger);
    await post(collector.url, links);
    await arrived(
      tempo,
      links.filter(({ seq }) => seq !== 3),
    );
    const found = reportOf(await judge(tempo, { ledger }), sessionIdOf(links));
    expect(codes(found).filter((code) => code.startsWith('tempo_divergence'))).toEqual([]);
  });

  it('is not blamed for links that wait behind a hole', async () => {
    const tempo = await startTempo();
    const ledger = newLedger();
    const collector = await startForwarding(tempo, ledger, { gapGraceMs: 600_000 });
    const links = sessionOf();
    await post(
      collector.url,
      links.filter(({ seq }) => seq !== 2),
    );
    await arrived(tempo, links.slice(0, 1));
    expect(codes(reportOf(await judge(tempo, { ledger, limits: { gapGraceMs: 600_000 } }), sessionIdOf(links)))).toEqual([]);
  });

  it('may hold what was pruned from the ledger', async () => {
    const sent = await forwarded();
    await sent.collector.close();
    const ledger = openSqliteLedger(sent.ledger);
    ledger.prune([sent.session], { by: 'ann', reason: 'retention', atMs: Date.now(), beforeMs: Date.now() });
    ledger.close();
    expect(codes(reportOf(await judge(sent, { ledger: sent.ledger }), sent.session))).toEqual([]);
  });

  it('is not blamed for a link that shows a moment later', async () => {
    const sent = await forwarded();
    const link = sent.links[4];
    if (link === undefined) throw new Error('no link');
    sent.tempo.store.remove(at(sent.session, 5));
    const waits: number[] = [];
    const found = await judge(sent, {
      ledger: sent.ledger,
      settleMs: 30_000,
      sleep: async (ms) => {
        waits.push(ms);
        await post(sent.ingest, [link]);
      },
    });
    expect(codes(reportOf(found, sent.session))).toEqual([]);
    expect(waits).toHaveLength(1);
    expect(waits[0]).toBeLessThanOrEqual(30_000);
  });

  it('is not blamed for links that come while it is read', async () => {
    const links = sessionOf({ actions: 3 });
    const sent = await forwarded(links.slice(0, 3));
    let later = links.slice(3);
    const around = (client: TempoReader): TempoReader => ({
      search: (query, range, limit) => client.search(query, range, limit),
      trace: async (id) => {
        const trace = await client.trace(id);
        const [next, ...rest] = later;
        later = rest;
        if (next !== undefined) await post(sent.collector.url, [next]);
        return trace;
      },
    });
    const found = await judge(sent, { ledger: sent.ledger, around, settleMs: 1_000 });
    expect(codes(reportOf(found, sent.session))).toEqual([]);
  });

  it('is searched for nothing that it need not show: what search does not see yet is read by id', async () => {
    const sent = await forwarded();
    sent.tempo.query.unsearchable = new Set(sent.links.map(({ traceId }) => traceId));
    expect((await judge(sent)).judgement.sessions).toEqual([]);
    expect(reportOf(await judge(sent, { ledger: sent.ledger }), sent.session)).toMatchObject({ completeness: 'complete', findings: [] });
  });

  it('is compared with one session when one is asked for', async () => {
    const sent = await forwarded();
    const other = sessionOf({ id: newId(16) });
    await post(sent.ingest, other);
    const found = await judge(sent, { ledger: sent.ledger, session: sent.session });
    expect(found.judgement.sessions.map(({ session }) => session)).toEqual([sent.session]);
  });
});
