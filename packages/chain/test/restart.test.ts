import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { ATTR, type WrittenLink } from '../src/index.js';
import { moves, play, viewOf } from './honest.js';
import { edit, rehash, Script } from './script.js';
import { Watch } from './watch.js';

vi.setConfig({ testTimeout: 60_000 });

// A collector that is killed and started again: memory is gone, links and findings are on record, waits begin anew.

const LIMITS = { gapGraceMs: 30_000, sessionIdleMs: 100_000 };

/** Delivers links one a second, restarting before those for which `restarts` says so; then time passes until nothing can change. */
function deliver(links: readonly WrittenLink[], restarts: (index: number) => boolean, tickEvery = 1): Watch {
  const watch = new Watch(LIMITS);
  let now = 0;
  for (const [i, link] of links.entries()) {
    if (restarts(i)) watch.restart(now);
    watch.arrive(viewOf(link), now);
    now += 1000;
    if (i % tickEvery === 0) watch.tick(now);
  }
  if (restarts(links.length)) watch.restart(now);
  for (let i = 0; i < 5; i++) watch.tick((now += LIMITS.sessionIdleMs));
  return watch;
}

/** How often each finding was raised: an odd number of words about one that never healed is a repetition. */
function repeated(watch: Watch): string[] {
  const states = new Map<string, boolean>();
  const twice: string[] = [];
  for (const { session, code, seq, healed } of watch.log) {
    const key = `${session} ${code}@${seq}`;
    if (states.get(key) === healed) twice.push(key);
    states.set(key, healed);
  }
  return twice;
}

describe('a restart', () => {
  test('at any points of an honest delivery gives no finding', () => {
    fc.assert(
      fc.property(moves, fc.infiniteStream(fc.boolean()), fc.integer({ min: 1, max: 4 }), (script, points, tickEvery) => {
        const watch = deliver(play(script), () => points.next().value, tickEvery);
        expect(watch.log).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  const script = new Script('tampered');
  script
    .start()
    .intent('a', 'deny')
    .outcome('a')
    .heartbeat()
    .intent('b')
    .disclosed('c')
    .heartbeat()
    .outcome('b')
    .outcome('c')
    .loss(4, 4)
    .end();
  const genuine = script.links;
  const seq = (n: number): WrittenLink => genuine[n - 1] as WrittenLink;
  const without = (...seqs: number[]): WrittenLink[] => genuine.filter((link) => !seqs.includes(link.seq));
  const swap = (link: WrittenLink): WrittenLink[] => genuine.map((other) => (other.seq === link.seq ? link : other));

  test.each<[string, WrittenLink[]]>([
    ['whole', genuine],
    ['with an edited link', swap(edit(seq(5), { 'custody.note': 'x' }))],
    ['with an edited link first', [edit(seq(5), { 'custody.note': 'x' }), ...genuine]],
    ['with edited content', swap(edit(seq(6), { [ATTR.reason]: 'x' }))],
    ['with a fork', [...genuine, rehash(seq(7), { 'custody.note': 'x' })]],
    ['with a fork first', [rehash(seq(7), { 'custody.note': 'x' }), ...genuine]],
    ['with a link made right again', swap(rehash(seq(4), { 'custody.note': 'x' }))],
    ['with a gap', without(5, 6)],
    ['with a declared loss', without(4)],
    ['with a gap beside a declared loss', without(3, 4, 7)],
    ['without its start', without(1, 2)],
    ['without its end', without(10, 11)],
    ['with a link after its end', [...genuine, rehash(seq(7), { [ATTR.seq]: 12, [ATTR.prev]: seq(11).hash })]],
    ['backwards', [...genuine].reverse()],
  ])('at every point of a session %s loses no finding, adds none and tells none twice', (_what, links) => {
    const expected = deliver(links, () => false);
    for (let point = 0; point <= links.length; point++) {
      for (const tickEvery of [1, 3]) {
        const watch = deliver(links, (i) => i === point, tickEvery);
        expect(watch.allActive(), `restart before link ${point}`).toEqual(expected.allActive());
        expect(repeated(watch), `restart before link ${point}`).toEqual([]);
      }
    }
    const often = deliver(links, () => true);
    expect(often.allActive()).toEqual(expected.allActive());
    expect(repeated(often)).toEqual([]);
  });

  test('begins the wait for a gap anew', () => {
    const watch = new Watch(LIMITS);
    for (const link of without(3)) watch.arrive(viewOf(link), 0);
    watch.tick(29_999);
    watch.restart(500_000);
    watch.tick(529_999);
    expect(watch.log).toEqual([]);
    watch.tick(530_000);
    expect(watch.active(script.id)).toContain('gap@3');
  });

  test('begins the wait for the end anew', () => {
    const watch = new Watch(LIMITS);
    watch.arrive(viewOf(seq(1)), 0);
    watch.tick(99_999);
    watch.restart(500_000);
    watch.tick(599_999);
    expect(watch.log).toEqual([]);
    watch.tick(600_000);
    expect(watch.active(script.id)).toEqual(['unclosed@1']);
  });

  test('between an arrival and the next tick loses nothing', () => {
    const watch = new Watch(LIMITS);
    const [first, second] = genuine as [WrittenLink, WrittenLink];
    watch.arrive(viewOf(edit(first, { 'custody.note': 'x' })), 0);
    watch.restart(1);
    watch.arrive(viewOf(edit(second, { [ATTR.time]: undefined })), 2);
    watch.restart(3);
    watch.arrive(viewOf(rehash(first, { 'custody.note': 'y' })), 4);
    watch.restart(5);
    watch.tick(6);
    expect(watch.active(script.id)).toEqual(['content_mismatch@1', 'fork@1', 'malformed@2']);
    expect(repeated(watch)).toEqual([]);
  });

  test('heals what was found before it when what was missing comes after it', () => {
    const watch = new Watch(LIMITS);
    for (const link of without(3)) watch.arrive(viewOf(link), 0);
    watch.tick(30_000);
    expect(watch.active(script.id)).toContain('gap@3');
    watch.restart(40_000);
    watch.arrive(viewOf(seq(3)), 41_000);
    watch.tick(42_000);
    expect(watch.healed(script.id, 'gap')).toEqual([3]);
    expect(repeated(watch)).toEqual([]);
  });
});
