import { ATTR, type Finding } from '@agent-custody/chain';
import { describe, expect, it, vi } from 'vitest';
import { openSqliteLedger } from '../src/ledger/index.js';
import type { Collector, CollectorOptions } from '../src/service.js';
import { get, metrics } from './service-support.js';
import { sessionOf } from './sessions.js';
import { arrived, at, newLedger, post, sessionIdOf, startForwarding, startTempo, type Tempo } from './tempo-support.js';

/** Soon after, and looked at twice at once. */
const SOON = { afterMs: 40, settleMs: 20 };

interface Running extends Tempo {
  readonly ledger: string;
  readonly collector: Collector;
}

async function reconciling(before?: Partial<Running>, options: Partial<CollectorOptions> = {}): Promise<Running> {
  const tempo = before?.tempo === undefined ? await startTempo() : (before as Tempo);
  const ledger = before?.ledger ?? newLedger();
  const collector = await startForwarding(tempo, ledger, { reconcile: { url: tempo.query, ...SOON }, ...options });
  return { tempo: tempo.tempo, ingest: tempo.ingest, query: tempo.query, ledger, collector };
}

const divergences = (collector: Collector, session: string): readonly Finding[] =>
  (collector.report(session)?.findings ?? []).filter(({ code }) => code === 'tempo_divergence');

/** Resolves once the counter is at `count`: the collector's own figures are the only event there is. */
async function until(collector: Collector, series: string, count: number): Promise<Record<string, number>> {
  return vi.waitFor(
    async () => {
      const now = await metrics(collector);
      expect(now[series] ?? 0).toBeGreaterThanOrEqual(count);
      return now;
    },
    { timeout: 30_000, interval: 15 },
  );
}
const result = (name: string): string => `custody_reconcile_sessions_total{result="${name}"}`;
const failure = (name: string): string => `custody_reconcile_failures_total{reason="${name}"}`;

/** How often Tempo was sent the span of a link. */
const sent = ({ tempo }: Tempo, spanId: string | undefined): number => tempo.stored.filter((span) => span.spanId === spanId).length;

describe('a session that Tempo holds', () => {
  it('is read back once, and nothing is said of it', async () => {
    const running = await reconciling();
    const links = sessionOf();
    await post(running.collector.url, links);
    const figures = await until(running.collector, result('same'), 1);
    expect(running.collector.report(sessionIdOf(links))?.findings).toEqual([]);
    expect(figures).toMatchObject({ [result('diverged')]: 0, custody_reconcile_sent_again_spans_total: 0 });
  });

  it('is not asked for again, when it has ended and all is there', async () => {
    const running = await reconciling();
    const first = sessionOf();
    const asked = () => running.tempo.queries.filter(({ url }) => url.includes(first[0]?.traceId ?? '-')).length;
    await post(running.collector.url, first);
    await until(running.collector, result('same'), 1);
    const before = asked();
    await post(running.collector.url, sessionOf());
    await until(running.collector, result('same'), 2);
    expect(asked()).toBe(before);
  });

  it('is read back while it is open, and again when more of it came', async () => {
    const running = await reconciling();
    const links = sessionOf();
    await post(running.collector.url, links.slice(0, 3));
    await until(running.collector, result('same'), 1);
    await post(running.collector.url, links.slice(3));
    await until(running.collector, result('same'), 2);
    expect(running.collector.report(sessionIdOf(links))?.findings).toEqual([]);
  });

  it('with spans twice, cut content and findings of the collector is the same', async () => {
    const running = await reconciling();
    const links = sessionOf().map((link) =>
      link.seq === 2 ? { ...link, attributes: { ...link.attributes, [ATTR.agentName]: 'somebody' } } : link,
    );
    await post(running.collector.url, links);
    await arrived(running, links);
    await post(running.ingest, links);
    await until(running.collector, result('same'), 1);
    expect(divergences(running.collector, sessionIdOf(links))).toEqual([]);
  });
});

describe('what Tempo has lost', () => {
  it('is a finding on the session, is forwarded once more, and heals when it is there again', async () => {
    const running = await reconciling();
    const links = sessionOf();
    const session = sessionIdOf(links);
    // As after a crash: answered 200, and gone.
    let dropped = 0;
    running.tempo.store.limits.drops = ({ attributes }) => attributes.get(ATTR.seq) === 3 && dropped++ === 0;
    await post(running.collector.url, links);
    await until(running.collector, result('diverged'), 1);
    const figures = await until(running.collector, result('same'), 1);
    expect(divergences(running.collector, session)).toMatchObject([{ seq: 3, severity: 'high', healed: true, spanId: links[2]?.spanId }]);
    expect(running.collector.report(session)).toMatchObject({ completeness: 'complete', integrity: 'intact' });
    expect(sent(running, links[2]?.spanId)).toBe(2);
    expect(figures).toMatchObject({
      'custody_findings_total{code="tempo_divergence",severity="high"}': 1,
      custody_reconcile_sent_again_spans_total: 1,
    });
    await running.tempo.until(() => running.tempo.stored.some(({ name }) => name === 'finding tempo_divergence healed'));
    const again = running.tempo.stored.filter((span) => span.spanId === links[2]?.spanId)[1];
    expect(again).toMatchObject({ traceId: links[2]?.traceId, name: 'execute_tool send_email', service: 'billing-bot name' });
    expect(again?.attributes).toEqual({ ...links[2]?.attributes, [ATTR.status]: 'linked' });
  });

  it('is forwarded once and never again, whatever becomes of it', async () => {
    const running = await reconciling();
    const links = sessionOf();
    running.tempo.store.limits.drops = ({ attributes }) => attributes.get(ATTR.seq) === 3;
    await post(running.collector.url, links);
    await until(running.collector, result('diverged'), 3);
    expect(sent(running, links[2]?.spanId)).toBe(2);
    expect(divergences(running.collector, sessionIdOf(links))).toMatchObject([{ seq: 3, healed: false }]);
    const { body } = await get(running.collector, `/api/v1/sessions/${sessionIdOf(links)}`);
    expect(body).toMatchObject({ completeness: 'incomplete', findings: [{ code: 'tempo_divergence', seq: 3 }] });
  });

  it('is not forwarded again by the collector that is started next', async () => {
    const first = await reconciling();
    const links = sessionOf();
    first.tempo.store.limits.drops = ({ attributes }) => attributes.get(ATTR.seq) === 3;
    await post(first.collector.url, links);
    await until(first.collector, result('diverged'), 1);
    await first.tempo.until(() => sent(first, links[2]?.spanId) === 2);
    await first.collector.close();
    const second = await reconciling(first);
    await until(second.collector, result('diverged'), 1);
    expect(sent(second, links[2]?.spanId)).toBe(2);
    expect(divergences(second.collector, sessionIdOf(links))).toHaveLength(1);
  });

  it('is found by the collector that is started next', async () => {
    const tempo = await startTempo();
    const ledger = newLedger();
    const slow = await startForwarding(tempo, ledger, { reconcile: { url: tempo.query, afterMs: 3_600_000 } });
    const links = sessionOf();
    await post(slow.url, links);
    await arrived(tempo, links);
    await slow.close();
    // An hour passes.
    const record = openSqliteLedger(ledger);
    record.readBacks.postpone(sessionIdOf(links), Date.now(), 0);
    record.close();
    tempo.tempo.store.remove(at(sessionIdOf(links), 2));
    const { collector } = await reconciling({ ...tempo, ledger });
    await until(collector, result('diverged'), 1);
    expect(divergences(collector, sessionIdOf(links))).toMatchObject([{ seq: 2 }]);
  });

  it('of a trace past its size is told of, span by span', async () => {
    const running = await reconciling();
    running.tempo.store.limits.traceBytes = 3_000;
    const links = sessionOf({ actions: 6 });
    await post(running.collector.url, links);
    await until(running.collector, result('diverged'), 1);
    const lost = divergences(running.collector, sessionIdOf(links));
    expect(lost.length).toBeGreaterThan(5);
    expect(lost.every(({ detail }) => detail.endsWith('is on record and not in Tempo'))).toBe(true);
  });

  it('is told of as one finding when it is a whole session', async () => {
    const running = await reconciling();
    await post(running.collector.url, sessionOf());
    await until(running.collector, result('same'), 1);
    const links = sessionOf();
    running.tempo.store.limits.drops = ({ attributes }) => attributes.get(ATTR.sessionId) === sessionIdOf(links);
    await post(running.collector.url, links);
    await until(running.collector, result('diverged'), 1);
    expect(divergences(running.collector, sessionIdOf(links))).toMatchObject([
      { seq: 1, detail: 'none of the 6 links on record is in Tempo' },
    ]);
  });
});

describe('what somebody changed in Tempo', () => {
  it('is a finding, and the original is not sent beside it', async () => {
    const running = await reconciling();
    const links = sessionOf();
    running.tempo.store.limits.edits = { which: at(sessionIdOf(links), 2), key: ATTR.toolName, value: 'wire_money' };
    await post(running.collector.url, links);
    await until(running.collector, result('diverged'), 1);
    const [finding] = divergences(running.collector, sessionIdOf(links));
    expect(finding).toMatchObject({ seq: 2, detail: expect.stringContaining(ATTR.toolName) });
    expect(sent(running, links[1]?.spanId)).toBe(1);
  });

  it('is a finding when it was added', async () => {
    const running = await reconciling();
    const links = sessionOf({ actions: 1, ended: false });
    const forged = sessionOf({ id: sessionIdOf(links), actions: 2, ended: false })
      .slice(3)
      .map((link) => ({ ...link, traceId: links[0]?.traceId ?? '' }));
    await post(running.ingest, forged);
    await post(running.collector.url, links);
    await until(running.collector, result('diverged'), 1);
    expect(divergences(running.collector, sessionIdOf(links)).map(({ seq }) => seq)).toEqual([4, 5]);
  });
});

describe('an honest run is never accused', () => {
  it('when Tempo is down: a failure is counted, and the session is read back when it is up again', async () => {
    const running = await reconciling();
    running.tempo.alwaysQuery({ type: 'status', status: 503 });
    const links = sessionOf();
    await post(running.collector.url, links);
    await until(running.collector, failure('failed'), 1);
    expect(divergences(running.collector, sessionIdOf(links))).toEqual([]);
    running.tempo.alwaysQuery(undefined);
    await until(running.collector, result('same'), 1);
  });

  it('when spans still wait in the outbox', async () => {
    const running = await reconciling();
    await post(running.collector.url, sessionOf());
    await until(running.collector, result('same'), 1);
    running.tempo.always({ type: 'status', status: 503 });
    const links = sessionOf();
    await post(running.collector.url, links);
    await until(running.collector, result('undecided'), 2);
    expect(divergences(running.collector, sessionIdOf(links))).toEqual([]);
    running.tempo.always(undefined);
    await until(running.collector, result('same'), 2);
    expect(sent(running, links[0]?.spanId)).toBe(1);
  });

  it('when Tempo takes its time to show what it was sent', async () => {
    const running = await reconciling();
    const links = sessionOf();
    running.tempo.store.limits.hides = ({ attributes }) => attributes.get(ATTR.seq) === 5;
    await post(running.collector.url, links);
    await running.tempo.until(() => running.tempo.queries.some(({ url }) => url.includes(links[0]?.traceId ?? '-')));
    running.tempo.store.limits.hides = undefined;
    await until(running.collector, result('same'), 1);
    expect(divergences(running.collector, sessionIdOf(links))).toEqual([]);
  });

  it('when the Tempo that is asked is another one: nothing of it was ever found there', async () => {
    const elsewhere = await startTempo();
    const running = await reconciling(undefined, { reconcile: { url: elsewhere.query, ...SOON } });
    const links = sessionOf();
    await post(running.collector.url, links);
    await until(running.collector, failure('nothing_found'), 2);
    expect(divergences(running.collector, sessionIdOf(links))).toEqual([]);
    expect(sent(running, links[0]?.spanId)).toBe(1);
  });

  it('when links of the session came while nothing was forwarded', async () => {
    const links = sessionOf();
    const ledger = newLedger();
    const tempo = await startTempo();
    const first = await reconciling({ ...tempo, ledger });
    await post(first.collector.url, links.slice(0, 2));
    await until(first.collector, result('same'), 1);
    await first.collector.close();
    const second = await startForwarding(tempo, ledger, { forwarding: undefined });
    await post(second.url, links.slice(2, 4));
    await second.close();
    const third = await reconciling({ ...tempo, ledger });
    const asked = () => tempo.tempo.queries.filter(({ url }) => url.includes(links[0]?.traceId ?? '-')).length;
    const before = asked();
    await post(third.collector.url, links.slice(4));
    // It would be due before this one.
    await post(third.collector.url, sessionOf());
    await until(third.collector, result('same'), 1);
    expect(asked()).toBe(before);
    expect(divergences(third.collector, sessionIdOf(links))).toEqual([]);
  });

  it('when Tempo gives only a part of a trace', async () => {
    const running = await reconciling();
    const links = sessionOf();
    running.tempo.query.partial = new Set([links[0]?.traceId ?? '']);
    running.tempo.store.limits.drops = ({ attributes }) => attributes.get(ATTR.seq) === 3;
    await post(running.collector.url, links);
    await until(running.collector, failure('partial'), 1);
    expect(divergences(running.collector, sessionIdOf(links))).toEqual([]);
  });

  it('when Tempo refuses a span: it is set aside, and known', async () => {
    const running = await reconciling();
    const links = sessionOf();
    running.tempo.poison = ({ spanId }) => spanId === links[2]?.spanId;
    await post(running.collector.url, links);
    await until(running.collector, result('undecided'), 2);
    expect(divergences(running.collector, sessionIdOf(links))).toEqual([]);
  });
});

describe('reading back', () => {
  it('asks Tempo for one trace at a time, by id, without a search', async () => {
    const running = await reconciling();
    for (let i = 0; i < 5; i++) await post(running.collector.url, sessionOf());
    await until(running.collector, result('same'), 5);
    expect(running.tempo.queries.every(({ url }) => url.startsWith('/api/v2/traces/'))).toBe(true);
    const counted = await metrics(running.collector);
    // One that came before the session had been forwarded found nothing, and is no look.
    const looks = [result('same'), result('undecided'), failure('nothing_found')].reduce((sum, name) => sum + (counted[name] ?? 0), 0);
    expect(running.tempo.queries).toHaveLength(looks);
  });

  it('ends with the collector, also in the middle of a request', async () => {
    const running = await reconciling();
    running.tempo.alwaysQuery({ type: 'silent' });
    await post(running.collector.url, sessionOf());
    await running.tempo.until(() => running.tempo.queries.length > 0);
    await running.collector.close();
    expect(running.tempo.queries).toHaveLength(1);
  });
});
