import { ATTR, type SpanView, type WrittenLink } from '@agent-custody/chain';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { moves, play, viewOf, World } from '../packages/chain/test/honest.js';
import { edit, rehash } from '../packages/chain/test/script.js';
import { Watch } from '../packages/chain/test/watch.js';

// SPEC.md, section 8: findings are a function of the set of spans received and of time, never of the order of arrival.

vi.setConfig({ testTimeout: 60_000 });

type Tampering = 'edit' | 'rehash' | 'drop' | 'repeat' | 'fork' | 'renumber' | 'move' | 'erase' | 'version';
const HARMLESS: readonly Tampering[] = ['drop', 'repeat'];

/** What a link becomes in the hands of an attacker: any number of spans. */
const TAMPER: Record<Tampering, (link: WrittenLink, other: WrittenLink) => readonly WrittenLink[]> = {
  edit: (link) => [edit(link, { 'custody.note': 'x' })],
  rehash: (link) => [rehash(link, { 'custody.note': 'x' })],
  drop: () => [],
  repeat: (link) => [link, link],
  fork: (link) => [link, rehash(link, { 'custody.note': 'x' })],
  renumber: (link, other) => [edit(link, { [ATTR.seq]: other.seq })],
  move: (link, other) => [link, rehash(link, { [ATTR.sessionId]: other.session })],
  erase: (link) => [edit(link, { [ATTR.kind]: undefined })],
  version: (link) => [rehash(link, { [ATTR.version]: 2 })],
};

const tamperings = (kinds: readonly Tampering[]) =>
  fc.array(fc.record({ how: fc.constantFrom(...kinds), at: fc.nat(), other: fc.nat() }), { maxLength: 4 });

/** The spans of two sessions, some of them tampered with. */
const spansWith = (kinds: readonly Tampering[]): fc.Arbitrary<SpanView[]> =>
  fc.tuple(moves, moves, tamperings(kinds)).map(([first, second, changes]) => {
    const genuine = [...play(first, new World('one')), ...play(second, new World('two'))];
    const link = (n: number): WrittenLink => genuine[n % genuine.length] as WrittenLink;
    const changed = new Map(changes.map(({ how, at, other }) => [link(at), TAMPER[how](link(at), link(other))]));
    return genuine.flatMap((each) => changed.get(each) ?? [each]).map(viewOf);
  });

/** How they arrive: in which order, and how much time passes before each. Grace and idle limit of a Watch are 30 s and 15 min. */
const arrival = fc.record({
  order: fc.infiniteStream(fc.nat()),
  pauses: fc.infiniteStream(fc.constantFrom(0, 0, 0, 900, 40_000, 1_000_000)),
});
type Arrival = typeof arrival extends fc.Arbitrary<infer T> ? T : never;

function shuffled(spans: readonly SpanView[], order: Arrival['order']): SpanView[] {
  const left = [...spans];
  return spans.flatMap(() => left.splice((order.next().value as number) % left.length, 1));
}

/** Findings that stand when nothing more can come, but `late`. */
function standing(watch: Watch): string[] {
  watch.tick(Number.POSITIVE_INFINITY);
  const last = new Map(watch.log.map((finding) => [`${finding.session} ${finding.code}@${finding.seq}`, finding]));
  return [...last]
    .filter(([, { healed, code }]) => !healed && code !== 'late')
    .map(([key]) => key)
    .sort();
}

function atRest(spans: readonly SpanView[]): string[] {
  const watch = new Watch();
  for (const span of spans) watch.arrive(span, 0);
  return standing(watch);
}

function asTheyCame(spans: readonly SpanView[], { order, pauses }: Arrival): string[] {
  const watch = new Watch();
  let now = 0;
  for (const span of shuffled(spans, order)) {
    const pause = pauses.next().value as number;
    if (pause > 0) watch.tick((now += pause));
    watch.arrive(span, now);
  }
  return standing(watch);
}

const ALL = Object.keys(TAMPER) as Tampering[];

describe('what is found', () => {
  test('in any set of spans is the same in any order, judged at rest', () => {
    fc.assert(
      fc.property(spansWith(ALL), arrival, (spans, { order }) => {
        expect(atRest(shuffled(spans, order))).toEqual(atRest(spans));
      }),
      { numRuns: 150 },
    );
  });

  test('in what is left of honest sessions is the same in any order, whenever it was judged in between', () => {
    fc.assert(
      fc.property(spansWith(HARMLESS), arrival, (spans, how) => {
        expect(asTheyCame(spans, how)).toEqual(atRest(spans));
      }),
      { numRuns: 150 },
    );
  });

  // More may stand: what was found before a fork came is not withdrawn.
  test('at rest is found in any order, whenever it was judged in between', () => {
    fc.assert(
      fc.property(spansWith(ALL), arrival, (spans, how) => {
        expect(asTheyCame(spans, how)).toEqual(expect.arrayContaining(atRest(spans)));
      }),
      { numRuns: 150 },
    );
  });
});
