import { describe, expect, it } from 'vitest';
import {
  type ActionStatus,
  compilePolicy,
  createState,
  type Decision,
  decide,
  decideSpawn,
  onRecord,
  parsePolicy,
  settle,
} from '../src/index.js';
import { action, Guard, MINUTE, NOON } from './support.js';

const breaker = (more: object) => new Guard({ default: 'allow', breakers: [{ id: 'fuse', open_for: '1m', ...more }] });

describe('a circuit breaker', () => {
  it('opens after errors in a row, of which one success makes none', () => {
    const guard = breaker({ consecutive_errors: 2 });
    guard.call('a', { status: 'error' });
    guard.call('a');
    guard.call('a', { status: 'timeout' });
    expect(guard.call('a', { status: 'error' })).toBe('allow');
    expect(guard.decide(action('a'))).toMatchObject({
      decision: 'deny',
      rule: 'fuse',
      reason: 'The circuit breaker fuse is open after 2 errors in a row; it is tried again in 1 m.',
    });
  });

  it('learns nothing from what was cancelled or never ran', () => {
    const guard = breaker({ consecutive_errors: 2 });
    guard.call('a', { status: 'error' });
    guard.call('a', { status: 'cancelled' });
    guard.call('a', { status: 'denied' });
    guard.call('a', { status: 'error' });
    expect(guard.call('a')).toBe('deny');
  });

  it('half-open lets one call through, and closes when that ends well', () => {
    const guard = breaker({ consecutive_errors: 1 });
    guard.call('a', { status: 'error' });
    guard.now += MINUTE;
    const trial = guard.decide(action('a'));
    expect([trial.decision, guard.call('a')]).toEqual(['allow', 'deny']);
    guard.settle(trial, 'ok');
    expect(guard.calls(2, 'a')).toEqual(['allow', 'allow']);
  });

  it('half-open opens again when the trial fails', () => {
    const guard = breaker({ consecutive_errors: 3 });
    guard.calls(3, 'a', { status: 'error' });
    guard.now += MINUTE;
    expect(guard.call('a', { status: 'error' })).toBe('allow');
    guard.now += MINUTE - 1;
    expect(guard.call('a')).toBe('deny');
    guard.now += 1;
    expect(guard.call('a')).toBe('allow');
  });

  it('lets as many trials run at once as it says, and takes one back that never ran', () => {
    const guard = breaker({ consecutive_errors: 1, trial_calls: 2 });
    guard.call('a', { status: 'error' });
    guard.now += MINUTE;
    const trials = [1, 2, 3].map(() => guard.decide(action('a')));
    expect(trials.map(({ decision }) => decision)).toEqual(['allow', 'allow', 'deny']);
    guard.settle(trials[0] as never, 'denied');
    expect(guard.decide(action('a')).decision).toBe('allow');
  });

  it('tries again when the outcome of a trial never comes', () => {
    const guard = breaker({ consecutive_errors: 1 });
    guard.call('a', { status: 'error' });
    guard.now += MINUTE;
    guard.decide(action('a'));
    expect(guard.call('a')).toBe('deny');
    guard.now += MINUTE;
    expect(guard.call('a')).toBe('allow');
  });

  it('is not closed by a call that began before it opened', () => {
    const guard = breaker({ consecutive_errors: 1 });
    const early = guard.decide(action('a'));
    guard.call('a', { status: 'error' });
    guard.settle(early, 'ok');
    expect(guard.call('a')).toBe('deny');
    guard.now += MINUTE;
    guard.settle(early, 'ok');
    expect(guard.decide(action('a')).permit?.entries[0]?.trial).toBe(true);
  });

  it('opens at a rate of errors, once there are enough calls to speak of one', () => {
    const guard = breaker({ error_rate: { above: 0.5, of: 4 } });
    const outcomes = ['error', 'error', 'error', 'ok'] as const;
    expect(outcomes.map((status) => guard.call('a', { status }))).toEqual(['allow', 'allow', 'allow', 'allow']);
    expect(guard.call('a')).toBe('deny');
    const even = breaker({ error_rate: { above: 0.5, of: 4 } });
    expect((['error', 'ok', 'error', 'ok', 'ok'] as const).map((status) => even.call('a', { status }))).not.toContain('deny');
  });

  it('opens at identical calls, whatever the order of their keys and what comes between them', () => {
    const guard = breaker({ identical_calls: 2 });
    const search = (args: unknown) => guard.call('search', { arguments: args });
    expect([search({ q: 'x', n: 0 }), search({ q: 'y' }), search({ n: -0, q: 'x' }), search({ q: 'z' }), search({ q: 'x', n: 0 })]).toEqual(
      ['allow', 'allow', 'allow', 'allow', 'deny'],
    );
    expect([search({ q: 'new' }), guard.call('other')]).toEqual(['deny', 'allow']);
  });

  it('does not take calls for identical that lie far apart, or differ', () => {
    const guard = breaker({ identical_calls: 1, within: '1m' });
    expect(guard.call('a', { arguments: { x: 1 } })).toBe('allow');
    guard.now += MINUTE;
    expect(guard.call('a', { arguments: { x: 1 } })).toBe('allow');
    const different = [
      { x: '1' },
      { x: [1] },
      { x: true },
      { x: 1, y: null },
      [1],
      ['x', 1],
      'x1',
      null,
      { x: 'a', y: 'b' },
      { x: 'ay', b: '' },
    ];
    expect(different.map((args) => guard.call('a', { arguments: args }))).not.toContain('deny');
  });

  it('takes the caller’s word for what is identical', () => {
    const guard = breaker({ identical_calls: 1 });
    expect(['1', '2', '1'].map((argumentsDigest) => guard.call('a', { argumentsDigest }))).toEqual(['allow', 'allow', 'deny']);
  });

  it('opens when a call that failed is retried with changed arguments again and again', () => {
    const guard = breaker({ changed_retries: 2 });
    const attempt = (path: string, status: 'ok' | 'error') => guard.call('read', { arguments: { path }, status });
    expect(['/etc/a', '/etc/b', '/etc/c', '/etc/d'].map((path) => attempt(path, 'error'))).toEqual(['allow', 'allow', 'allow', 'deny']);
  });

  it('does not take for changed what is retried as it was, or follows a success', () => {
    const guard = breaker({ changed_retries: 1 });
    const attempt = (path: string, status: 'ok' | 'error') => guard.call('read', { arguments: { path }, status });
    expect([
      attempt('a', 'error'),
      attempt('a', 'error'),
      attempt('a', 'ok'),
      attempt('b', 'error'),
      attempt('c', 'ok'),
      attempt('d', 'ok'),
    ]).not.toContain('deny');
  });

  it('bounds how many agents a session starts: calls that are said to, and tools that are named', () => {
    const said = breaker({ spawns: 2 });
    expect([...said.calls(3, 'task', { spawns: true }), said.call('read')]).toEqual(['allow', 'allow', 'deny', 'deny']);
    expect(breaker({ spawns: 2 }).calls(5, 'task')).not.toContain('deny');
    expect(breaker({ spawns: 2, tools: 'task' }).calls(3, 'task')).toEqual(['allow', 'allow', 'deny']);
  });

  it('bounds how many agents calls really start, and counts a named tool by its calls alone', () => {
    const starts = (document: object, count: number) => {
      const policy = compilePolicy(parsePolicy({ default: 'allow', breakers: [{ id: 'fan-out', ...document }] }));
      let state = createState();
      return Array.from({ length: count }, () => {
        const { decision, state: next } = decideSpawn(policy, state, action('task'), undefined, NOON);
        state = next;
        return decision;
      });
    };
    expect(starts({ spawns: 2 }, 4)).toEqual(['allow', 'allow', 'deny', 'deny']);
    expect(starts({ spawns: 1, tools: 'task' }, 3)).not.toContain('deny');
    expect(starts({ spawns: 1, mode: 'observe' }, 3)).not.toContain('deny');
    expect(starts({ consecutive_errors: 1 }, 3)).not.toContain('deny');
  });

  const starting = (...breakers: readonly object[]) => {
    const policy = compilePolicy(parsePolicy({ default: 'allow', breakers }));
    let state = createState();
    let now = NOON;
    return {
      wait: (ms: number) => {
        now += ms;
      },
      begin: (tool: string) => {
        const begun = decide(policy, state, action(tool), now);
        state = begun.state;
        return begun;
      },
      spawn: ({ permit }: Pick<Decision, 'permit'>, tool = 'task') => {
        const started = decideSpawn(policy, state, action(tool), permit, now);
        state = started.state;
        return started;
      },
      end: ({ permit }: Decision, status: ActionStatus) => {
        if (permit) state = settle(policy, state, permit, status, now);
      },
    };
  };

  it('takes what a trial starts for a part of the trial, so that a breaker on agents closes again', () => {
    const agents = starting({ spawns: 1, within: '1m', open_for: '5m' });
    const call = agents.begin('task');
    expect([agents.spawn(call).decision, agents.spawn(call).decision]).toEqual(['allow', 'deny']);
    agents.end(call, 'error');
    agents.wait(5 * MINUTE);
    const [trial, other] = [agents.begin('task'), agents.begin('task')];
    expect([trial.decision, other.decision]).toEqual(['allow', 'deny']);
    expect(agents.spawn({ permit: undefined }).decision).toBe('deny');
    expect(agents.spawn(trial).decision).toBe('allow');
    agents.end(trial, 'ok');
    const after = agents.begin('task');
    // The agent that the trial started counts.
    expect([after.decision, agents.spawn(after).decision]).toEqual(['allow', 'deny']);
  });

  it('opens again when a trial starts more agents than it may', () => {
    const agents = starting({ spawns: 1, within: '1m', open_for: '5m' });
    const call = agents.begin('task');
    agents.spawn(call);
    agents.spawn(call);
    agents.wait(5 * MINUTE);
    const trial = agents.begin('task');
    expect([agents.spawn(trial).decision, agents.spawn(trial).decision]).toEqual(['allow', 'deny']);
    agents.end(trial, 'ok');
    expect(agents.begin('task').decision).toBe('deny');
  });

  it('does not count an agent that another breaker refused', () => {
    const agents = starting({ id: 'one', spawns: 1, within: '1s', open_for: '1s' }, { id: 'two', spawns: 2, within: '1h' });
    const call = agents.begin('task');
    expect([agents.spawn(call).rule, agents.spawn(call).rule]).toEqual(['default', 'one']);
    agents.wait(1_000);
    const trial = agents.begin('task');
    expect(agents.spawn(trial).decision).toBe('allow');
  });

  it('tells what it would have refused where it only observes', () => {
    const agents = starting({ id: 'fan-out', spawns: 1, mode: 'observe' });
    const call = agents.begin('task');
    expect([agents.spawn(call), agents.spawn(call)].map(onRecord)).toEqual([
      { decision: 'allow', rule: 'default' },
      { decision: 'allow', rule: 'fan-out', observed: 'deny' },
    ]);
  });

  it('is one for each session by default, and for whatever else it says', () => {
    const guard = breaker({ consecutive_errors: 1 });
    guard.call('a', { status: 'error' });
    expect([guard.call('b'), guard.call('a', { session: 'b'.repeat(32) })]).toEqual(['deny', 'allow']);
    const byTool = breaker({ consecutive_errors: 1, per: 'tool' });
    byTool.call('a', { status: 'error' });
    expect([byTool.call('b'), byTool.call('a', { session: 'b'.repeat(32) })]).toEqual(['allow', 'deny']);
  });
});
