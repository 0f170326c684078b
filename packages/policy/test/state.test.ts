import { describe, expect, it } from 'vitest';
import { compilePolicy, createState, decide, forgetSession, type PolicyState, parsePolicy, restoreState } from '../src/index.js';
import { MAX_CELLS } from '../src/table.js';
import { action, Guard, NOON } from './support.js';

const everything = {
  default: 'allow',
  limits: [{ calls: 50, within: '1h', per: ['tool', 'agent', 'principal', 'session'] }],
  budgets: [{ calls: 20 }],
  separation: [{ never_both: ['a', 'b'] }],
  flows: [{ label: 'secret', from: 'a', restricts: { tools: 'c' } }],
  breakers: [
    { consecutive_errors: 2 },
    { error_rate: { above: 0.5, of: 5 } },
    { identical_calls: 4 },
    { changed_retries: 2 },
    { spawns: 3 },
  ],
};

/** What a state says, in no particular layout. */
const cellsOf = ({ cells }: PolicyState) => new Map(cells.buckets.flat());

describe('the state', () => {
  it('survives as JSON: decisions after are the same', () => {
    const [kept, saved] = [new Guard(everything), new Guard(everything)];
    for (const [at, tool] of ['a', 'c', 'b', 'a', 'd', 'd', 'd', 'd', 'd', 'e'].entries()) {
      const status = at % 3 === 0 ? 'error' : 'ok';
      saved.state = restoreState(JSON.parse(JSON.stringify(saved.state)));
      expect(saved.call(tool, { status, spawns: true })).toBe(kept.call(tool, { status, spawns: true }));
    }
    expect(cellsOf(restoreState(JSON.parse(JSON.stringify(kept.state))))).toEqual(cellsOf(kept.state));
  });

  it('that was passed in stays as it is, for a decision and for an outcome', () => {
    const guard = new Guard(everything);
    guard.call('d', { status: 'error' });
    const before = guard.state;
    const text = JSON.stringify(before);
    guard.calls(3, 'd', { status: 'error' });
    expect(JSON.stringify(before)).toBe(text);
    expect(guard.state).not.toBe(before);
  });

  it('is the same one when nothing is to be remembered', () => {
    const guard = new Guard({ allowed_tools: ['a'] });
    const before = guard.state;
    guard.call('a');
    expect(guard.state).toBe(before);
  });

  it.each([
    ['nothing', undefined],
    ['another version', { version: 2, cells: { size: 0, buckets: [] } }],
    ['a negative count', { version: 1, cells: { size: 1, buckets: [[['k', { kind: 'budget', session: null, expiresMs: 1, used: -5 }]]] } }],
    ['a cell of no kind', { version: 1, cells: { size: 1, buckets: [[['k', { kind: 'x', session: null, expiresMs: 1 }]]] } }],
  ])('is not read from %s: to begin anew would forgive every budget', (_what, value) => {
    expect(() => restoreState(value)).toThrow(expect.objectContaining({ code: 'invalid_state' }));
  });

  it('carries over to a changed policy by the ids of its entries', () => {
    const one = compilePolicy(parsePolicy({ default: 'allow', budgets: [{ id: 'calls', calls: 2 }] }));
    const two = compilePolicy(
      parsePolicy({ default: 'allow', limits: [{ calls: 9, within: '1m' }], budgets: [{ id: 'calls', calls: 1 }] }),
    );
    const { state } = decide(one, createState(), action('a'), NOON);
    expect(decide(two, state, action('a'), NOON).rule).toBe('calls');
  });

  it('takes a cell of another kind under its id for none', () => {
    const one = compilePolicy(parsePolicy({ default: 'allow', budgets: [{ id: 'x', calls: 1 }] }));
    const two = compilePolicy(parsePolicy({ default: 'allow', breakers: [{ id: 'x', consecutive_errors: 1 }] }));
    const { state } = decide(one, createState(), action('a'), NOON);
    expect(decide(two, state, action('a'), NOON).decision).toBe('allow');
  });

  it('refuses what it has no room to count, until there is room again', () => {
    const guard = new Guard({ default: 'allow', limits: [{ id: 'rate', calls: 1, within: '1m', per: 'tool' }] });
    for (let at = 0; at < MAX_CELLS; at++) guard.decide(action(`tool-${at}`));
    expect(guard.decide(action('one-more'))).toMatchObject({ decision: 'deny', rule: 'rate', reason: expect.stringContaining('full') });
    expect(guard.state.cells.size).toBe(MAX_CELLS);
    guard.now += 60_000;
    expect(guard.call('one-more')).toBe('allow');
    expect(guard.state.cells.size).toBe(1);
  });

  it('makes room when sessions are forgotten', () => {
    const guard = new Guard({ default: 'allow', budgets: [{ calls: 1, per: ['session', 'tool'] }] });
    for (let at = 0; at < MAX_CELLS; at++) guard.decide(action(`tool-${at}`));
    expect(guard.call('one-more')).toBe('deny');
    guard.state = forgetSession(guard.state, 'a'.repeat(32));
    expect([guard.state.cells.size, guard.call('one-more')]).toEqual([0, 'allow']);
  });

  it('keeps a name that is long in little room, and apart from another one', () => {
    const guard = new Guard({ default: 'allow', limits: [{ calls: 1, within: '1m', per: 'tool' }] });
    const long = 'x'.repeat(1_000_000);
    expect([guard.call(`${long}1`), guard.call(`${long}2`), guard.call(`${long}1`)]).toEqual(['allow', 'allow', 'deny']);
    expect(JSON.stringify(guard.state).length).toBeLessThan(2000);
  });

  it.each([Number.NaN, -1, Number.POSITIVE_INFINITY, 8.65e15])('is not moved on to %s, which is no time', (now) => {
    const policy = compilePolicy(parsePolicy(everything));
    expect(() => decide(policy, createState(), action('a'), now)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });
});
