import { describe, expect, test, vi } from 'vitest';
import { ATTR, type VerifierState, type WrittenLink } from '../src/index.js';
import { viewOf } from './honest.js';
import { edit, rehash, Script } from './script.js';
import { Watch } from './watch.js';

vi.setConfig({ testTimeout: 60_000 });

// State per session is bounded: a flood past a bound costs one finding and no memory.

const stateOf = (state: VerifierState, id: string): NonNullable<ReturnType<VerifierState['sessions']['get']>> => {
  const session = state.sessions.get(id);
  if (!session) throw new Error(`session ${id} is not in memory`);
  return session;
};
const overflows = (watch: Watch): number[] => watch.log.filter((finding) => finding.code === 'overflow').map((finding) => finding.seq);

describe('a flood', () => {
  test('of links behind a hole is cut at the bound, and told once', () => {
    const { links, id } = new Script('held').start().heartbeat(500).end();
    const watch = new Watch({ heldLinks: 20, gapGraceMs: 30_000 });
    for (const link of links) if (link.seq !== 2) watch.arrive(viewOf(link), 0);
    const session = stateOf(watch.state, id);
    expect(session.ahead.size).toBe(20);
    expect(session.waiting.size).toBe(20);
    watch.tick(0);
    expect(overflows(watch)).toEqual([23]);
    watch.arrive(viewOf(links[1] as WrittenLink), 1); // what was missing is never refused
    watch.tick(1);
    expect(watch.released.length).toBe(20);
    expect(watch.report(id)).toMatchObject({ integrity: 'intact', links: 22 });
  });

  test('of links behind many holes keeps no more holes than links', () => {
    const { links, id } = new Script('holes').start().heartbeat(500).end();
    const watch = new Watch({ heldLinks: 20, gapGraceMs: 30_000 });
    for (const link of links) if (link.seq % 2 === 1) watch.arrive(viewOf(link), 0);
    expect(stateOf(watch.state, id).jumps.length).toBeLessThanOrEqual(20);
    expect(overflows(watch).length).toBe(1);
  });

  test('of actions in flight is cut at the bound, told once, and accuses no outcome', () => {
    const script = new Script('actions').start();
    for (let i = 0; i < 300; i++) script.intent(`a${i}`);
    for (let i = 0; i < 300; i++) script.outcome(`a${i}`);
    const watch = new Watch({ openActions: 20 });
    for (const link of script.end().links) watch.arrive(viewOf(link), 0);
    expect(stateOf(watch.state, script.id).meaning.actions.open.size).toBeLessThanOrEqual(20);
    watch.tick(Number.POSITIVE_INFINITY);
    expect(overflows(watch)).toEqual([22]);
    expect(watch.active(script.id)).toEqual(['overflow@22']);
  });

  test('of outcomes that nothing announced is cut at the bound, and told once', () => {
    const script = new Script('outcomes').start();
    for (let i = 0; i < 300; i++) script.outcome(`a${i}`);
    const watch = new Watch({ openActions: 20 });
    for (const link of script.end().links) watch.arrive(viewOf(link), 0);
    const { actions } = stateOf(watch.state, script.id).meaning;
    expect(actions.unannounced.length).toBe(20);
    watch.tick(Number.POSITIVE_INFINITY);
    expect(overflows(watch)).toEqual([22]);
  });

  test('of approvals and parents without an action behind a hole is cut at the bound', () => {
    const script = new Script('early').start().heartbeat();
    for (let i = 0; i < 100; i++)
      script
        .approval(`a${i}`)
        .intent(`b${i}`, 'allow', { parent: `c${i}` })
        .outcome(`b${i}`);
    const watch = new Watch({ openActions: 20, gapGraceMs: 0 });
    for (const link of script.end().links) if (link.seq !== 2) watch.arrive(viewOf(link), 0);
    watch.tick(1);
    expect(stateOf(watch.state, script.id).meaning.actions.early.size).toBe(20);
    expect(watch.report(script.id).integrity).toBe('intact');
  });

  test('of spawns is cut at the bound, and told once', () => {
    const script = new Script('spawns').start();
    for (let i = 0; i < 100; i++) script.spawn(script.world.id(32));
    const watch = new Watch({ openActions: 20 });
    for (const link of script.links) watch.arrive(viewOf(link), 0);
    expect(stateOf(watch.state, script.id).childless.size).toBe(20);
    watch.tick(0);
    expect(overflows(watch)).toEqual([22]);
  });

  test('of different copies of one link is cut at the bound', () => {
    const { links, id } = new Script('copies').start().heartbeat(3).end();
    const watch = new Watch({ copiesPerSeq: 3 });
    for (const link of links) watch.arrive(viewOf(link), 0);
    for (let i = 0; i < 100; i++) watch.arrive(viewOf(edit(links[2] as WrittenLink, { 'custody.note': `${i}` })), 0);
    expect(watch.ledger.copies(id, 3).length).toBe(3);
    watch.tick(0);
    expect(watch.active(id)).toEqual(['content_mismatch@3', 'overflow@3']);
    expect(overflows(watch)).toEqual([3]);
  });

  test('of the same edited copy is kept once', () => {
    const { links, id } = new Script('same').start().heartbeat(3).end();
    const watch = new Watch();
    for (let i = 0; i < 100; i++) watch.arrive(viewOf(edit(links[2] as WrittenLink, { 'custody.note': 'x' })), 0);
    expect(watch.ledger.copies(id, 3).length).toBe(1);
  });

  test('of unsound outcomes spares no more actions than are in flight', () => {
    const script = new Script('spared').start().intent('a');
    for (let i = 0; i < 100; i++) script.outcome(`x${i}`);
    const watch = new Watch();
    for (const link of script.links) watch.arrive(viewOf(link.kind === 'action.outcome' ? edit(link, { 'custody.note': 'x' }) : link), 0);
    watch.tick(0);
    expect(stateOf(watch.state, script.id).meaning.actions.spared.size).toBe(0);
  });
});

test('one forged seq of 2^53-1 is one hole', () => {
  const { links, id } = new Script('huge').start().heartbeat().end();
  const watch = new Watch({ gapGraceMs: 10 });
  const huge = rehash(links[1] as WrittenLink, { [ATTR.seq]: Number.MAX_SAFE_INTEGER });
  for (const link of [links[0] as WrittenLink, huge]) watch.arrive(viewOf(link), 0);
  watch.tick(10);
  const session = stateOf(watch.state, id);
  expect(session.missing.intervals).toEqual([[2, Number.MAX_SAFE_INTEGER - 1]]);
  expect(watch.active(id)).toEqual(['gap@2']);
  for (const link of links.slice(1)) watch.arrive(viewOf(link), 20);
  watch.tick(30);
  expect(watch.active(id)).toEqual([`gap@4`, `after_end@${Number.MAX_SAFE_INTEGER}`]);
});

test('ten thousand links behind a hole, delivered backwards, are judged', () => {
  const { links, id } = new Script('backwards').start().heartbeat(10_000).end();
  const watch = new Watch({ heldLinks: 20_000 });
  for (let i = links.length - 1; i >= 0; i--) watch.arrive(viewOf(links[i] as WrittenLink), 0);
  watch.tick(1);
  expect(watch.report(id)).toMatchObject({ integrity: 'intact', completeness: 'complete', links: 10_002 });
  expect(watch.log).toEqual([]);
});
