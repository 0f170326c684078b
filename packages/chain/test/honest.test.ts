import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import {
  createVerifier,
  type Finding,
  isSettled,
  MemoryRecords,
  portableHashing,
  readSpan,
  reportOf,
  step,
  type WrittenLink,
} from '../src/index.js';
import { moves, play, viewOf, World } from './honest.js';
import { judgeAtRest } from './vectors.js';

vi.setConfig({ testTimeout: 60_000 });

const GRACE = 30_000;

/** Delivers links at given times with a tick every second, as a collector would; answers everything that it ever found. */
function deliver(deliveries: readonly { readonly link: WrittenLink; readonly at: number }[]): {
  findings: Finding[];
  statuses: string[];
  settled: boolean;
} {
  const state = createVerifier({ records: new MemoryRecords(), limits: { gapGraceMs: GRACE } });
  const findings: Finding[] = [];
  const statuses: string[] = [];
  const sessions = new Set<string>();
  let clock = 0;
  const tickTo = (time: number): void => {
    for (; clock <= time; clock += 1000) {
      const result = step(state, { type: 'tick', at: clock });
      findings.push(...result.findings);
      statuses.push(...result.released.map((release) => release.status));
    }
  };
  for (const { link, at } of [...deliveries].sort((a, b) => a.at - b.at)) {
    tickTo(at);
    const reading = readSpan(viewOf(link), portableHashing);
    if (reading.type !== 'link') throw new Error(`no link: ${JSON.stringify(reading)}`);
    sessions.add(link.session);
    const { status } = step(state, { type: 'link', link: reading.link, at });
    if (status !== 'held' && status !== 'duplicate') statuses.push(status as string);
  }
  tickTo(clock + 2 * GRACE);
  const verdicts = [...sessions].map((id) => reportOf(state, id));
  for (const verdict of verdicts)
    if (verdict?.integrity !== 'intact' || verdict.completeness !== 'complete') throw new Error(JSON.stringify(verdict));
  return { findings, statuses, settled: [...sessions].every((id) => isSettled(state, id)) };
}

describe('an honest session gives no finding', () => {
  test('whatever it does, in order', () => {
    fc.assert(
      fc.property(moves, (script) => {
        const links = play(script);
        const { findings } = judgeAtRest(links.map(viewOf));
        expect(findings).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  test('under any duplication and any reordering within the grace period', () => {
    const schedule = fc.tuple(moves, fc.infiniteStream(fc.nat(GRACE - 1)), fc.infiniteStream(fc.nat(2)), fc.nat(2000));
    fc.assert(
      fc.property(schedule, ([script, delays, copies, pace]) => {
        const links = play(script);
        const deliveries = links.flatMap((link, i) =>
          Array.from({ length: 1 + (copies.next().value as number) }, () => ({ link, at: i * pace + (delays.next().value as number) })),
        );
        const { findings, statuses, settled } = deliver(deliveries);
        expect(findings).toEqual([]);
        // Each link is given free exactly once, and none of them as anything but linked.
        expect(statuses).toEqual(links.map(() => 'linked'));
        expect(settled).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test('when sessions interleave on the way', () => {
    const order = fc.tuple(fc.array(moves, { minLength: 2, maxLength: 4 }), fc.infiniteStream(fc.nat()));
    fc.assert(
      fc.property(order, ([scripts, picks]) => {
        const worlds = scripts.map((script, i) => play(script, new World(`world ${i}`)));
        const merged: WrittenLink[] = [];
        for (let left = worlds; left.length > 0; left = left.filter((links) => links.length > 0)) {
          const queue = left[(picks.next().value as number) % left.length] as WrittenLink[];
          merged.push(queue.shift() as WrittenLink);
        }
        expect(judgeAtRest(merged.map(viewOf)).findings).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});
