import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Action, type ActionStatus, compilePolicy, createState, decide, parsePolicy, settle } from '../src/index.js';
import { NOON, policies } from './support.js';

const STRICTNESS = { allow: 0, require_approval: 1, deny: 2 } as const;

const tool = fc.constantFrom('read', 'send', 'pay', 'shell', '__proto__', 'constructor');
const patterns = fc.uniqueArray(fc.oneof(tool, fc.constantFrom('*', 's*', '?ay', 're*d')), { minLength: 1, maxLength: 3 });
const decision = fc.constantFrom('allow' as const, 'deny' as const, 'require_approval' as const);
const restricting = fc.constantFrom('deny' as const, 'require_approval' as const);
const pointer = fc.constantFrom('', '/a', '/a/0', '/b/c', '/__proto__', '/constructor', '/length');

const leaf = fc
  .tuple(
    pointer,
    fc.oneof(
      fc.record({ equals: fc.constantFrom(null, true, 0, 1, 'x', [1]) }),
      fc.record({ one_of: fc.constantFrom([1, 'x'], [null]) }),
      fc.record({ prefix: fc.constantFrom('x', '/') }),
      fc.record({ matches: fc.constantFrom('.*', '(x+x+)+y', '[a-z]{2,5}') }),
      fc.record({ at_most: fc.constantFrom(0, 10) }),
      fc.record({ hosts: fc.constantFrom('a.example', '*.b.example') }),
      fc.record({ inside: fc.constant('/srv'), base: fc.constant('/srv/work') }),
      fc.record({ present: fc.boolean() }),
      fc.record({ prefix: fc.constant('x'), items: fc.constantFrom('some' as const, 'every' as const) }),
    ),
  )
  .map(([argument, test]) => ({ argument, ...test }));
const condition = fc.oneof(
  leaf,
  leaf.map((not) => ({ not })),
  fc.array(leaf, { minLength: 1, maxLength: 2 }).map((any) => ({ any })),
);
const rule = fc.record(
  { tools: patterns, principals: fc.constant('alice'), when: fc.array(condition, { minLength: 1, maxLength: 2 }), decision },
  { requiredKeys: ['decision'] },
);
const document = fc.record(
  {
    default: fc.constantFrom('allow', 'deny'),
    allowed_tools: patterns,
    blocked_tools: patterns,
    rules: fc.array(rule, { maxLength: 5 }),
    hours: fc.array(
      fc.record({ zone: fc.constant('Asia/Tokyo'), from: fc.constant('08:00'), to: fc.constant('22:00'), decision: restricting }),
      { maxLength: 1 },
    ),
    limits: fc.array(
      fc.record({ tools: patterns, calls: fc.integer({ min: 1, max: 4 }), within: fc.constant('1m'), decision: restricting }),
      { maxLength: 2 },
    ),
    budgets: fc.array(
      fc.oneof(
        fc.record({ calls: fc.integer({ min: 1, max: 5 }) }),
        fc.record({ sum: fc.constant({ argument: '/a', at_most: 20 }), tools: patterns }),
      ),
      { maxLength: 2 },
    ),
    separation: fc.array(fc.record({ never_both: fc.constant([['read'], ['send', 'pay']]) }), { maxLength: 1 }),
    flows: fc.array(fc.record({ label: fc.constant('secret'), from: fc.constant('read'), restricts: fc.constant({ tools: 's*' }) }), {
      maxLength: 1,
    }),
    breakers: fc.array(
      fc.oneof(
        fc.record({ consecutive_errors: fc.integer({ min: 1, max: 3 }) }),
        fc.record({ identical_calls: fc.integer({ min: 1, max: 3 }) }),
        fc.record({ changed_retries: fc.integer({ min: 1, max: 3 }) }),
      ),
      { maxLength: 2 },
    ),
  },
  { requiredKeys: ['default'] },
);

const args = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.record({ a: fc.oneof(fc.double(), fc.string(), fc.webUrl(), fc.constantFrom('/srv/x', '../..', 5, '5')) }),
);
const call: fc.Arbitrary<Action> = fc.record(
  {
    tool,
    arguments: args,
    agent: fc.constant('agent'),
    principal: fc.constantFrom('alice', 'bob'),
    session: fc.constantFrom('s1', 's2'),
    argumentsEncoding: fc.constantFrom('json' as const, 'lossy' as const, 'withheld' as const),
  },
  { requiredKeys: ['tool', 'arguments', 'agent', 'session'] },
);
const step = fc.record({
  call,
  waitMs: fc.constantFrom(0, 1000, 40_000, 400_000),
  status: fc.constantFrom<ActionStatus>('ok', 'error', 'denied', 'timeout', 'cancelled'),
});
const steps = fc.array(step, { maxLength: 15 });

/** The state after a run, and the time then. */
function run(source: unknown, history: readonly { call: Action; waitMs: number; status: ActionStatus }[]) {
  const policy = compilePolicy(parsePolicy(source));
  let state = createState();
  let now = NOON;
  for (const { call: made, waitMs, status } of history) {
    now += waitMs;
    const decided = decide(policy, state, made, now);
    state = decided.permit === undefined ? decided.state : settle(policy, decided.state, decided.permit, status, now);
  }
  return { state, now };
}

describe('whatever the policy, the history and the call', () => {
  it('another rule that denies never allows more', () => {
    fc.assert(
      fc.property(document, rule, fc.nat(5), steps, call, (source, extra, place, history, made) => {
        const { state, now } = run(source, history);
        const rules = [...(source.rules ?? [])];
        rules.splice(place, 0, { ...extra, decision: 'deny' });
        const before = decide(compilePolicy(parsePolicy(source)), state, made, now);
        const after = decide(compilePolicy(parsePolicy({ ...source, rules })), state, made, now);
        expect(STRICTNESS[after.decision]).toBeGreaterThanOrEqual(STRICTNESS[before.decision]);
      }),
    );
  });

  it('another file never allows more, and asks for no less when both ask', () => {
    fc.assert(
      fc.property(document, document, call, (one, other, made) => {
        const alone = decide(compilePolicy(policies(one)), createState(), made, NOON);
        const together = decide(compilePolicy(policies(one, { ...other, name: 'other' })), createState(), made, NOON);
        expect(STRICTNESS[together.decision]).toBeGreaterThanOrEqual(STRICTNESS[alone.decision]);
        if (together.approval && alone.approval) expect(together.approval.count).toBeGreaterThanOrEqual(alone.approval.count);
      }),
    );
  });

  it('less that can be told never allows more', () => {
    fc.assert(
      fc.property(document, call, (source, made) => {
        const policy = compilePolicy(parsePolicy({ ...source, breakers: [], budgets: [] }));
        const told = decide(policy, createState(), { ...made, argumentsEncoding: 'json' }, NOON);
        const untold = decide(policy, createState(), { ...made, argumentsEncoding: 'withheld' }, NOON);
        expect(STRICTNESS[untold.decision]).toBeGreaterThanOrEqual(STRICTNESS[told.decision]);
      }),
    );
  });

  it('what is decided lies between the lenient reading and the strict one', () => {
    fc.assert(
      fc.property(document, call, (source, made) => {
        const policy = parsePolicy(source);
        const lenient = decide(compilePolicy(policy, { lenient: true }), createState(), { ...made, argumentsEncoding: 'withheld' }, NOON);
        const real = decide(compilePolicy(policy), createState(), { ...made, argumentsEncoding: 'json' }, NOON);
        expect(STRICTNESS[lenient.decision]).toBeLessThanOrEqual(STRICTNESS[real.decision]);
      }),
    );
  });

  it('observing never denies and never asks, and tells what enforcing would have decided', () => {
    fc.assert(
      fc.property(document, steps, (source, history) => {
        const [observing, enforcing] = [{ ...source, mode: 'observe' }, source].map((each) => compilePolicy(parsePolicy(each)));
        if (observing === undefined || enforcing === undefined) throw new Error('both compile');
        let [one, other] = [createState(), createState()];
        let now = NOON;
        for (const { call: made, waitMs } of history) {
          now += waitMs;
          const observed = decide(observing, one, made, now);
          const enforced = decide(enforcing, other, made, now);
          expect(observed.decision).toBe('allow');
          expect(observed.observed?.decision ?? 'allow').toBe(enforced.decision);
          one = observed.state;
          other = enforced.state;
        }
      }),
    );
  });

  it('the same input gives the same answer, and a long history no large state', () => {
    fc.assert(
      fc.property(document, steps, call, (source, history, made) => {
        const { state, now } = run(source, [...history, ...history, ...history]);
        const policy = compilePolicy(parsePolicy(source));
        expect(decide(policy, state, made, now)).toEqual(
          decide(compilePolicy(parsePolicy(source)), JSON.parse(JSON.stringify(state)), made, now),
        );
        expect(state.cells.size).toBeLessThanOrEqual(2 * 6 * 8);
        expect(JSON.stringify(state).length).toBeLessThan(50_000);
      }),
    );
  });
});

describe('arguments made to hurt', () => {
  const hard = {
    default: 'deny',
    rules: [
      { decision: 'deny', when: [{ argument: '/a', matches: '(x+x+)+y|(a|a)*b|.*.*.*=.*' }] },
      { decision: 'allow', when: [{ argument: '', equals: { a: [[1]] } }] },
    ],
    breakers: [{ identical_calls: 2 }],
    budgets: [{ sum: { argument: '/a', at_most: 1 } }],
  };
  const nested = (depth: number): unknown => {
    let value: unknown = 1;
    for (let at = 0; at < depth; at++) value = at % 2 ? [value] : { a: value };
    return value;
  };
  const cyclic: Record<string, unknown> = { a: 1 };
  cyclic['b'] = [cyclic, cyclic];

  it.each([
    ['nested deeply', nested(100_000)],
    ['a long list', { a: Array.from({ length: 200_000 }, (_, at) => at) }],
    ['a text that a backtracking matcher would never finish', { a: 'x'.repeat(30_000) }],
    ['a huge text', { a: 'x'.repeat(5_000_000) }],
    ['cycles', cyclic],
    ['prototype names', JSON.parse('{"__proto__":{"a":1},"constructor":{"prototype":{"a":1}}}')],
    ['no prototype', Object.assign(Object.create(null), { a: 1 })],
    ['no JSON at all', { a: 1n, b: Symbol('x'), c: () => 1 }],
  ])('%s are decided about like any others', (_what, value) => {
    const policy = compilePolicy(parsePolicy(hard));
    const decided = decide(policy, createState(), { tool: 't', agent: 'a', session: 's', arguments: value }, NOON);
    expect(decided.decision).toBe('deny');
    expect(({} as Record<string, unknown>)['a']).toBeUndefined();
  });
});
