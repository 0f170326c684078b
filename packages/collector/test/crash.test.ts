import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { WrittenLink } from '@agent-custody/chain';
import type { SpanRecord } from '@agent-custody/chain/otlp';
import { afterAll, expect, test } from 'vitest';
import { readSqliteLedger } from '../src/ledger/index.js';
import { MortalCollector } from './mortal-collector.js';
import { bodyOf, edited, plainSpan, recordOf, sessionOf } from './sessions.js';
import { TempoStandIn } from './tempo-stand-in.js';

const KILLS = 50;
/** Agents that send at the same time. */
const AGENTS = 8;

const directory = mkdtempSync(join(tmpdir(), 'custody-crash-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Counts requests that were answered 200. */
class Answers {
  private seen = 0;
  private waiting: { readonly at: number; readonly resolve: () => void } | undefined;

  count(): void {
    this.seen++;
    if (this.waiting !== undefined && this.seen >= this.waiting.at) this.waiting.resolve();
  }

  /** Resolves once `more` further requests have been answered. */
  after(more: number): Promise<void> {
    if (more === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.waiting = { at: this.seen + more, resolve };
    });
  }
}

test(`killed ${KILLS} times at random under load, the collector loses no accepted span and finds nothing that is not so`, async () => {
  const tempo = new TempoStandIn();
  const collector = new MortalCollector(join(directory, 'ledger.db'), await tempo.listen());
  collector.start();
  const accepted: SpanRecord[] = [];
  const honest: WrittenLink[][] = [];
  const tampered: WrittenLink[][] = [];
  const answers = new Answers();
  let stopping = false;

  /** Sends the same until it is accepted, as the evidence channel does. */
  async function deliver(records: readonly SpanRecord[]): Promise<void> {
    for (;;) {
      try {
        if ((await collector.post(bodyOf(records))) === 200) break;
      } catch {
        // Killed under our hands, or not up yet.
      }
      await delay(5);
    }
    accepted.push(...records);
    answers.count();
  }

  async function agent(number: number): Promise<void> {
    for (let run = 0; !stopping; run++) {
      const written = sessionOf({ agent: `agent-${number}`, actions: 4 });
      const isTampered = run % 5 === 4;
      const links = isTampered ? written.map((link) => (link.seq === 3 ? edited(link) : link)) : written;
      (isTampered ? tampered : honest).push(links);
      // In pieces of one to three links; every third piece overtakes the one before it.
      for (let at = 0, piece = 0; at < links.length; piece++) {
        const sizes = piece % 3 === 2 ? [2, 1] : [1 + (piece % 3)];
        const pieces = sizes.map((size) => {
          const part = links.slice(at, at + size).map(recordOf);
          at += size;
          return part;
        });
        await Promise.all(pieces.reverse().map((part) => deliver([...part, plainSpan()])));
      }
    }
  }

  const agents = Array.from({ length: AGENTS }, (_, number) => agent(number));
  for (let kill = 0; kill < KILLS; kill++) {
    // Mostly somewhere among the requests that follow a start; every fifth may come while it starts up.
    if (kill % 5 !== 4) await answers.after(Math.floor(Math.random() * 20));
    await delay(Math.random() * (kill % 5 === 4 ? 200 : 10));
    tempo.always(kill % 7 === 3 ? { type: 'status', status: 503 } : kill % 7 === 5 ? { type: 'lose_answer' } : undefined);
    await collector.kill();
    collector.start();
  }
  tempo.always(undefined);
  stopping = true;
  await Promise.all(agents);
  const expected = new Set(accepted.map(({ spanId }) => spanId));
  const missing = (): string[] => {
    const there = new Set(tempo.stored.map(({ spanId }) => spanId));
    return [...expected].filter((id) => !there.has(id));
  };
  await tempo.until(() => missing().length === 0);
  await collector.kill();
  await tempo.close();

  const ledger = readSqliteLedger(join(directory, 'ledger.db'));
  const onRecord = new Set([...ledger.allLinks()].map(({ hash, spanId }) => `${hash} ${spanId}`));
  const lost = [...honest, ...tampered].flat().filter(({ hash, spanId }) => !onRecord.has(`${hash} ${spanId}`));
  const findings = (sessions: readonly WrittenLink[][]) =>
    sessions.map((links) => ledger.findings(links[0]?.session ?? '').map(({ code, seq }) => `${code}@${seq}`));
  const verdicts = honest.map((links) => ledger.session(links[0]?.session ?? '')).map((row) => `${row?.integrity} ${row?.completeness}`);
  ledger.close();
  expect(missing()).toEqual([]);
  expect(lost).toEqual([]);
  expect(findings(honest)).toEqual(honest.map(() => []));
  expect(findings(tampered)).toEqual(tampered.map(() => ['content_mismatch@3']));
  expect(verdicts).toEqual(honest.map(() => 'intact complete'));
  // Enough went on between the kills for the above to mean something.
  expect(honest.length).toBeGreaterThan(KILLS / 2);
  expect(tampered.length).toBeGreaterThan(0);
}, 120_000);
