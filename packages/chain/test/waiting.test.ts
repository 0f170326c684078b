import { describe, expect, test } from 'vitest';
import { forget, isSettled, sessionsInMemory, type WrittenLink } from '../src/index.js';
import { viewOf } from './honest.js';
import { digestOf, Script } from './script.js';
import { Watch } from './watch.js';

// When a finding about completeness is due, and what takes it back. Grace 30 s, idle limit 100 s.
const GRACE = 30_000;
const IDLE = 100_000;
const watching = (): Watch => new Watch({ gapGraceMs: GRACE, sessionIdleMs: IDLE });

const plain = (count = 6): WrittenLink[] => new Script('plain').start().heartbeat(count).end().links;
const at = (links: readonly WrittenLink[], seq: number): WrittenLink => links.find((link) => link.seq === seq) as WrittenLink;

function arrive(watch: Watch, links: readonly WrittenLink[], time: number, ...seqs: number[]): void {
  for (const seq of seqs) watch.arrive(viewOf(at(links, seq)), time);
}

const late = (watch: Watch): string[] => watch.log.filter((finding) => finding.code === 'late').map((finding) => `late@${finding.seq}`);
const told = (watch: Watch): string[] =>
  watch.log
    .filter((finding) => finding.code !== 'late')
    .map((finding) => `${finding.code}@${finding.seq}${finding.healed ? ' healed' : ''}`);

describe('a gap', () => {
  test('is found when the grace period is over, not one millisecond before', () => {
    const links = plain();
    const watch = watching();
    arrive(watch, links, 0, 1, 2);
    arrive(watch, links, 5000, 4, 5, 6, 7, 8);
    watch.tick(5000 + GRACE - 1);
    expect(told(watch)).toEqual([]);
    watch.tick(5000 + GRACE);
    expect(told(watch)).toEqual(['gap@3']);
  });

  test('counts its grace from the first link behind it, whatever else arrives meanwhile', () => {
    const links = plain();
    const watch = watching();
    arrive(watch, links, 0, 1, 4);
    arrive(watch, links, GRACE - 1, 5, 6, 3);
    watch.tick(GRACE - 1);
    expect(told(watch)).toEqual([]);
    watch.tick(GRACE);
    expect(told(watch)).toEqual(['gap@2']);
  });

  test('filled within the grace period leaves no trace', () => {
    const links = plain();
    const watch = watching();
    arrive(watch, links, 0, 1, 2, 4, 5, 6, 7, 8);
    watch.tick(1000);
    arrive(watch, links, GRACE - 1, 3);
    watch.tick(GRACE);
    watch.tick(Number.POSITIVE_INFINITY);
    expect(watch.log).toEqual([]);
  });

  test('filled later heals: it stays on record, no longer counts, and the coming is told as late', () => {
    const links = plain();
    const watch = watching();
    arrive(watch, links, 0, 1, 2, 5, 6, 7, 8);
    watch.tick(GRACE);
    expect(watch.report(links[0]?.session ?? '')).toMatchObject({ completeness: 'incomplete', integrity: 'intact' });
    arrive(watch, links, GRACE + 1, 4, 3);
    watch.tick(GRACE + 1000);
    expect(told(watch)).toEqual(['gap@3', 'gap@3 healed']);
    expect(late(watch)).toEqual(['late@3']);
    const report = watch.report(links[0]?.session ?? '');
    expect(report).toMatchObject({ completeness: 'complete', integrity: 'intact', links: 8 });
    expect(report.findings.map(({ code, seq, healed }) => ({ code, seq, healed }))).toEqual([
      { code: 'gap', seq: 3, healed: true },
      { code: 'late', seq: 3, healed: false },
    ]);
  });

  test('partly filled heals, and the runs that are left are raised anew', () => {
    const links = plain(10);
    const watch = watching();
    arrive(watch, links, 0, 1, 2, 8, 9, 10, 11, 12);
    watch.tick(GRACE);
    arrive(watch, links, GRACE + 1, 5);
    watch.tick(GRACE + 1000);
    expect(told(watch)).toEqual(['gap@3', 'gap@3 healed', 'gap@3', 'gap@6']);
    expect(watch.report(links[0]?.session ?? '').findings.find((finding) => finding.code === 'gap')?.detail).toBe(
      'links 3 to 4 never came',
    );
    arrive(watch, links, GRACE + 2000, 3, 4, 6, 7);
    watch.tick(GRACE + 3000);
    expect(watch.active(links[0]?.session ?? '')).toEqual([]);
  });

  test('is healed by a loss that names its numbers', () => {
    const { links, id } = new Script('loss').start().heartbeat(4).loss(3, 4).end();
    const watch = watching();
    arrive(watch, links, 0, 1, 2, 5);
    watch.tick(GRACE);
    expect(told(watch)).toEqual(['gap@3']);
    arrive(watch, links, GRACE + 1, 6, 7);
    watch.tick(GRACE + 1);
    expect(watch.active(id)).toEqual(['declared_loss@6']);
    expect(watch.healed(id, 'gap')).toEqual([3]);
  });

  test('is not raised for what a loss names that waits behind another hole', () => {
    const { links, id } = new Script('loss').start().heartbeat(6).loss(2, 3).end();
    const watch = watching();
    arrive(watch, links, 0, 1, 4, 5);
    arrive(watch, links, GRACE - 1, 8, 9); // 6 and 7 may still come
    watch.tick(GRACE);
    expect(told(watch)).toEqual([]);
    watch.tick(2 * GRACE);
    expect(watch.active(id)).toEqual(['gap@6', 'declared_loss@8']);
  });

  test('holds back the links behind it until it is filled or its grace is over', () => {
    const links = plain();
    const id = links[0]?.session;
    const watch = watching();
    expect(watch.arrive(viewOf(at(links, 1)), 0).status).toBe('linked');
    expect(watch.arrive(viewOf(at(links, 3)), 0).status).toBe('held');
    expect(watch.arrive(viewOf(at(links, 5)), 0).status).toBe('held');
    arrive(watch, links, 1000, 2);
    watch.tick(1000);
    expect(watch.released).toEqual([`${id} 3 linked`]);
    watch.tick(GRACE);
    expect(watch.released).toEqual([`${id} 3 linked`, `${id} 5 held`]);
  });
});

describe('a missing start', () => {
  test('is found after the grace period, and heals when the start comes', () => {
    const links = plain();
    const id = links[0]?.session ?? '';
    const watch = watching();
    arrive(watch, links, 0, 2, 3, 4, 5, 6, 7, 8);
    watch.tick(GRACE - 1);
    expect(told(watch)).toEqual([]);
    watch.tick(GRACE);
    expect(watch.active(id)).toEqual(['missing_start@1']);
    arrive(watch, links, GRACE + 1, 1);
    watch.tick(GRACE + 1);
    expect(watch.active(id)).toEqual([]);
    expect(late(watch)).toEqual(['late@1']);
  });

  test('of several numbers becomes a gap when the first one comes', () => {
    const links = plain();
    const watch = watching();
    arrive(watch, links, 0, 4, 5, 6, 7, 8);
    watch.tick(GRACE);
    arrive(watch, links, GRACE + 1, 1);
    watch.tick(GRACE + 1000);
    expect(told(watch)).toEqual(['missing_start@1', 'missing_start@1 healed', 'gap@2']);
  });
});

describe('an open session', () => {
  test('is unclosed when the idle limit has passed since its last link, not one millisecond before', () => {
    const links = plain();
    const watch = watching();
    arrive(watch, links, 0, 1);
    arrive(watch, links, 7, 2);
    watch.tick(7 + IDLE - 1);
    expect(told(watch)).toEqual([]);
    watch.tick(7 + IDLE);
    expect(told(watch)).toEqual(['unclosed@2']);
  });

  test('is kept open by heartbeats, and not by duplicates', () => {
    const links = plain();
    const watch = watching();
    arrive(watch, links, 0, 1);
    arrive(watch, links, IDLE - 1, 2);
    watch.tick(2 * IDLE - 2);
    expect(told(watch)).toEqual([]);
    arrive(watch, links, 2 * IDLE - 2, 2);
    watch.tick(2 * IDLE - 1);
    expect(told(watch)).toEqual(['unclosed@2']);
  });

  test('that goes on heals, and is unclosed anew at its new end when it falls silent again', () => {
    const links = plain();
    const id = links[0]?.session ?? '';
    const watch = watching();
    arrive(watch, links, 0, 1, 2);
    watch.tick(IDLE);
    arrive(watch, links, IDLE + 1, 3);
    watch.tick(IDLE + 1);
    expect(watch.active(id)).toEqual([]);
    watch.tick(2 * IDLE + 1);
    expect(told(watch)).toEqual(['unclosed@2', 'unclosed@2 healed', 'unclosed@3']);
    expect(late(watch)).toEqual(['late@2']);
  });

  test('has unfinished actions only with its end or its silence, and they heal with it', () => {
    const { links, id } = new Script('open').start().intent('a').heartbeat().outcome('a').end();
    const watch = watching();
    arrive(watch, links, 0, 1, 2);
    watch.tick(IDLE - 1);
    expect(told(watch)).toEqual([]);
    watch.tick(IDLE);
    expect(watch.active(id).sort()).toEqual(['unclosed@2', 'unfinished_action@2']);
    arrive(watch, links, IDLE + 1, 3); // a heartbeat: the action may go on
    watch.tick(IDLE + 1);
    expect(watch.active(id)).toEqual([]);
    arrive(watch, links, IDLE + 2, 4, 5);
    watch.tick(Number.POSITIVE_INFINITY);
    expect(watch.active(id)).toEqual([]);
  });
});

describe('children', () => {
  const CHILD = 'cd'.repeat(16);
  const mother = new Script('mother').start().spawn(CHILD);
  const spawn = mother.position;
  mother.end();
  const daughter = new Script('daughter', mother.world, 'billing-bot', CHILD).start({ parent: spawn }).end();

  test('wait a grace period for their parent', () => {
    const watch = watching();
    for (const link of daughter.links) watch.arrive(viewOf(link), 10);
    watch.tick(10 + GRACE - 1);
    expect(told(watch)).toEqual([]);
    watch.tick(10 + GRACE);
    expect(told(watch)).toEqual(['orphan_child@1']);
    for (const link of mother.links) watch.arrive(viewOf(link), 50_000);
    watch.tick(50_000);
    expect(watch.allActive()).toEqual([]);
    expect(watch.healed(CHILD, 'orphan_child')).toEqual([1]);
  });

  test('are awaited for the idle limit by whoever spawned them', () => {
    const watch = watching();
    for (const link of mother.links) watch.arrive(viewOf(link), 10);
    watch.tick(10 + IDLE - 1);
    expect(told(watch)).toEqual([]);
    watch.tick(10 + IDLE);
    expect(told(watch)).toEqual(['missing_child@2']);
    for (const link of daughter.links) watch.arrive(viewOf(link), 200_000);
    watch.tick(200_000);
    expect(watch.allActive()).toEqual([]);
    expect(watch.healed(mother.id, 'missing_child')).toEqual([2]);
  });

  test('heal what was found though both sessions had been forgotten', () => {
    const watch = watching();
    for (const link of daughter.links) watch.arrive(viewOf(link), 0);
    watch.tick(IDLE);
    expect(isSettled(watch.state, CHILD)).toBe(true);
    forget(watch.state, CHILD);
    expect(sessionsInMemory(watch.state)).toBe(0);
    for (const link of mother.links) watch.arrive(viewOf(link), IDLE + 1);
    watch.tick(IDLE + 1);
    expect(watch.allActive()).toEqual([]);
    expect(watch.healed(CHILD, 'orphan_child')).toEqual([1]);
  });
});

describe('a settled session', () => {
  test('is one that ended, with nothing missing that may still be told', () => {
    const links = plain();
    const id = links[0]?.session ?? '';
    const watch = watching();
    arrive(watch, links, 0, 1, 2, 4, 5, 6, 7, 8);
    watch.tick(0);
    expect(isSettled(watch.state, id)).toBe(false);
    watch.tick(GRACE);
    expect(isSettled(watch.state, id)).toBe(true);
  });

  test('can be forgotten: a late link heals what was found, and nothing is told twice', () => {
    const links = plain();
    const id = links[0]?.session ?? '';
    const watch = watching();
    arrive(watch, links, 0, 1, 2, 4, 5, 6, 7, 8);
    watch.tick(GRACE);
    forget(watch.state, id);
    arrive(watch, links, 2 * GRACE, 3);
    watch.tick(3 * GRACE);
    expect(told(watch)).toEqual(['gap@3', 'gap@3 healed']);
    expect(watch.report(id)).toMatchObject({ completeness: 'complete', links: 8 });
  });

  test('can be forgotten: a duplicate of its links tells nothing', () => {
    const links = plain();
    const id = links[0]?.session ?? '';
    const watch = watching();
    arrive(watch, links, 0, 1, 2, 3, 4, 5, 6, 7, 8);
    watch.tick(0);
    forget(watch.state, id);
    for (const link of links) expect(watch.arrive(viewOf(link), GRACE).status).toBe('duplicate');
    watch.tick(10 * IDLE);
    expect(watch.log).toEqual([]);
  });

  test('can be forgotten: an edited copy that comes later is found, once', () => {
    const links = plain();
    const id = links[0]?.session ?? '';
    const watch = watching();
    arrive(watch, links, 0, 1, 2, 3, 4, 5, 6, 7, 8);
    watch.tick(0);
    const edited = viewOf({ ...at(links, 3), attributes: { ...at(links, 3).attributes, 'custody.note': digestOf('x') } });
    for (const time of [GRACE, 2 * GRACE, 3 * GRACE]) {
      forget(watch.state, id);
      expect(watch.arrive(edited, time).status).toBe('broken');
      watch.tick(time + 1000);
    }
    expect(told(watch)).toEqual(['content_mismatch@3']);
    expect(watch.report(id).integrity).toBe('broken');
  });
});
