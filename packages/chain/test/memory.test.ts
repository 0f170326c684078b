import { describe, expect, test } from 'vitest';
import { ATTR, type WrittenLink } from '../src/index.js';
import { COMPONENTS, viewOf, World } from './honest.js';
import { digestOf, edit, Script, views } from './script.js';
import { Watch, watchAtRest } from './watch.js';

// `memory_drift`: memory at a start against that at the end of the last session on the same store.

const world = (): World => new World('memory');
const memory = (what: string): { memory: string } => ({ memory: digestOf(what) });

/** A session on a store, on the clock of `clock`. */
class Remembering extends Script {
  constructor(clock: World, options: { store?: string | undefined; from: string; agent?: string }) {
    super('', clock, options.agent);
    const { store = 'notes' } = options;
    this.start({ components: { ...COMPONENTS, ...memory(options.from) }, ...(store !== '' && { memoryStore: store }) });
  }

  to(what: string): this {
    return this.change(memory(what));
  }
}

const drifts = (sessions: readonly (readonly WrittenLink[])[]): string[] =>
  watchAtRest(views(sessions.flat()))
    .allActive()
    .filter((finding) => finding.includes('memory_drift'));

describe('memory that is not as the last session left it', () => {
  test('is a finding at the start, and is told of the right session', () => {
    const clock = world();
    const first = new Remembering(clock, { from: 'm1' }).to('m2').end();
    const second = new Remembering(clock, { from: 'm3' }).end();
    expect(drifts([first.links, second.links])).toEqual([`${second.id} memory_drift@1`]);
    expect(drifts([second.links, first.links])).toEqual([`${second.id} memory_drift@1`]);
  });

  test('is measured against the last one, not against those before', () => {
    const clock = world();
    const first = new Remembering(clock, { from: 'm1' }).end();
    const second = new Remembering(clock, { from: 'm1' }).to('m2').end();
    const third = new Remembering(clock, { from: 'm1' }).end();
    expect(drifts([first.links, second.links, third.links])).toEqual([`${third.id} memory_drift@1`]);
  });

  test('is found however the start of it comes late', () => {
    const clock = world();
    const first = new Remembering(clock, { from: 'm1' }).end();
    const second = new Remembering(clock, { from: 'm2' }).heartbeat().end();
    const watch = new Watch({ gapGraceMs: 30, sessionIdleMs: 100 });
    for (const link of [...first.links, ...second.links.slice(1)]) watch.arrive(viewOf(link), 0);
    for (const at of [50, 200, 300]) watch.tick(at);
    watch.arrive(viewOf(second.links[0] as WrittenLink), 301);
    for (const at of [302, 402, 500]) watch.tick(at);
    expect(watch.active(second.id)).toEqual(['memory_drift@1']);
  });
});

describe('no drift', () => {
  const clock = world();
  const first = new Remembering(clock, { from: 'm1' }).to('m2').end();

  test('of a session that goes on from where the last one ended', () => {
    expect(drifts([first.links, new Remembering(clock, { from: 'm2' }).end().links])).toEqual([]);
  });

  test.each([
    ['another store', { from: 'm3', store: 'other notes' }],
    ['no store', { from: 'm3', store: '' }],
    ['another agent', { from: 'm3', agent: 'another-bot' }],
  ])('of a session on %s', (_what, options) => {
    expect(drifts([first.links, new Remembering(clock, options).end().links])).toEqual([]);
  });

  test('against a session that never ended', () => {
    const open = first.links.slice(0, -1);
    expect(drifts([open, new Remembering(clock, { from: 'm3' }).end().links])).toEqual([]);
  });

  test('against a session with a hole, which may hold a change', () => {
    const holed = first.links.filter((link) => link.seq !== 2);
    expect(drifts([holed, new Remembering(clock, { from: 'm3' }).end().links])).toEqual([]);
  });

  test('against a session with an edited change', () => {
    const edited = first.links.map((link) => (link.seq === 2 ? edit(link, { 'custody.note': 'x' }) : link));
    expect(drifts([edited, new Remembering(clock, { from: 'm3' }).end().links])).toEqual([]);
  });

  test('against the session before one whose start was edited: that one may have changed it', () => {
    const between = new Remembering(clock, { from: 'm2' }).to('m3').end();
    const edited = between.links.map((link) => (link.seq === 1 ? edit(link, { [ATTR.principal]: 'x' }) : link));
    expect(drifts([first.links, edited, new Remembering(clock, { from: 'm3' }).end().links])).toEqual([]);
  });

  test('while another session on the store overlaps', () => {
    const overlapping = new Remembering(clock, { from: 'm2' });
    const later = new Remembering(clock, { from: 'm4' }).end();
    overlapping.to('m4').end();
    expect(drifts([first.links, overlapping.links, later.links])).toEqual([]);
  });

  test('while an unclosed session overlaps the last one', () => {
    const own = world();
    const open = new Remembering(own, { from: 'm1' });
    const closed = new Remembering(own, { from: 'm1' }).to('m2').end();
    open.heartbeat();
    const later = new Remembering(own, { from: 'm3' }).end();
    expect(drifts([open.links.slice(0, 1), closed.links, later.links])).toEqual([`${later.id} memory_drift@1`]);
    expect(drifts([open.links.slice(0, 1), closed.links.slice(0, 1), later.links])).toEqual([]);
  });
});

test('drift is judged once both idle limits have passed, and once', () => {
  const clock = world();
  const first = new Remembering(clock, { from: 'm1' }).end();
  const second = new Remembering(clock, { from: 'm2' }).end();
  const watch = new Watch({ gapGraceMs: 30, sessionIdleMs: 100 });
  for (const link of second.links) watch.arrive(viewOf(link), 0);
  watch.tick(99);
  for (const link of first.links) watch.arrive(viewOf(link), 99);
  watch.tick(100);
  watch.tick(198);
  expect(watch.log).toEqual([]);
  watch.tick(199);
  watch.tick(1000);
  watch.tick(Number.POSITIVE_INFINITY);
  expect(watch.log).toEqual([expect.objectContaining({ code: 'memory_drift', session: second.id, seq: 1 })]);
});
