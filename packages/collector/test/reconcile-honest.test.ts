import { afterEach, describe, expect, it, vi } from 'vitest';
import { nodeHashing } from '../src/hashing.js';
import { type Ledger, readSqliteLedger } from '../src/ledger/index.js';
import type { Collector } from '../src/service.js';
import { TempoClient } from '../src/tempo/client.js';
import { LedgerEvidence } from '../src/verify/ledger-evidence.js';
import { judgeTempo } from '../src/verify/tempo-source.js';
import { metrics } from './service-support.js';
import { sessionOf } from './sessions.js';
import type { Behaviour } from './tempo-stand-in.js';
import { newLedger, post, startForwarding, startTempo, type Tempo } from './tempo-support.js';

const opened: Ledger[] = [];
afterEach(() => {
  for (const ledger of opened.splice(0)) ledger.close();
});

function look(path: string): Ledger {
  const ledger = readSqliteLedger(path);
  opened.push(ledger);
  return ledger;
}

/** Numbers that look random and are the same in every run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

const TROUBLE: readonly Behaviour[] = [
  { type: 'status', status: 503 },
  { type: 'hang_up' },
  { type: 'lose_answer' },
  { type: 'status', status: 429, headers: { 'retry-after': '0' } },
];

/** Reads back almost at once, so that it falls into everything that goes on. */
const startReconciling = (tempo: Tempo, ledger: string): Promise<Collector> =>
  startForwarding(tempo, ledger, { reconcile: { url: tempo.query, afterMs: 15, settleMs: 10 }, gapGraceMs: 300 });

describe('an honest run', () => {
  it.each([1, 2])('through a Tempo in trouble, late and repeated links, and a restart, has nothing to diverge (seed %i)', async (seed) => {
    const random = seeded(seed);
    const tempo = await startTempo();
    const ledger = newLedger();
    const sessions = Array.from({ length: 25 }, () => sessionOf({ actions: 1 + Math.floor(random() * 4), ended: random() < 0.8 }));
    const batches = shuffled(
      sessions.flatMap((links) => {
        // Out of order within the grace period, and some of it twice, as an exporter that retries sends it.
        const cut = 1 + Math.floor(random() * (links.length - 1));
        const parts = [links.slice(cut), links.slice(0, cut)];
        return random() < 0.3 ? [...parts, links.slice(0, cut)] : parts;
      }),
      random,
    );
    let collector = await startReconciling(tempo, ledger);
    for (const [index, batch] of batches.entries()) {
      // Each failure is followed by a wait that grows: more of them would make the test long, and not better.
      if (index % 20 === 5) tempo.tempo.next(TROUBLE[(seed + index) % TROUBLE.length] as Behaviour);
      if (index === 10) tempo.tempo.nextQuery({ type: 'hang_up' });
      await post(collector.url, batch);
      if (index === Math.floor(batches.length / 2)) {
        await collector.close();
        collector = await startReconciling(tempo, ledger);
      }
    }
    await vi.waitFor(
      async () => {
        expect(await metrics(collector)).toMatchObject({ custody_outbox_spans: 0 });
        expect(look(ledger).readBacks.next()).toBeUndefined();
      },
      { timeout: 20_000, interval: 50 },
    );
    const found = sessions.flatMap((links) => collector.report(links[0]?.session ?? '')?.findings ?? []);
    expect(found.filter(({ code }) => code === 'tempo_divergence')).toEqual([]);
    expect(await metrics(collector)).toMatchObject({ custody_reconcile_sent_again_spans_total: 0 });
    const judged = await judgeTempo(
      new TempoClient({ url: tempo.query }),
      { type: 'since', sinceMs: Date.now() - 600_000 },
      {
        hashing: nodeHashing,
        attributeBytes: 2048,
        settleMs: 0,
        atRest: false,
        evidence: new LedgerEvidence(look(ledger), 'the ledger'),
        now: Date.now,
        sleep: async () => undefined,
      },
    );
    expect(judged.problems).toEqual([]);
    expect(judged.judgement.sessions.map(({ session, findings }) => [session, findings]).sort()).toEqual(
      sessions.map((links) => [links[0]?.session, []]).sort(),
    );
  });
});
