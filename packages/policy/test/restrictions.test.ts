import { describe, expect, it } from 'vitest';
import { forgetSession } from '../src/index.js';
import { action, decideOnce, Guard, MINUTE, NOON } from './support.js';

const other = 'b'.repeat(32);

describe('a rate limit', () => {
  const limit = (more: object) => ({ default: 'allow', limits: [{ id: 'rate', calls: 2, within: '1m', ...more }] });

  it('lets so many calls through in any span of its length, and exactly so many when they are sparse', () => {
    const guard = new Guard(limit({}));
    const at = (seconds: number) => {
      guard.now = NOON + seconds * 1000;
      return guard.call('read');
    };
    expect([0, 20, 40, 59.999, 60, 79.999, 80].map(at)).toEqual(['allow', 'allow', 'deny', 'deny', 'allow', 'deny', 'allow']);
  });

  it('is never exceeded, and late by at most a sixtieth, when calls come close together', () => {
    const guard = new Guard(limit({ calls: 100 }));
    const allowed: number[] = [];
    for (let ms = 0; ms < 5 * MINUTE; ms += 100) {
      guard.now = NOON + ms;
      if (guard.call('read') === 'allow') allowed.push(ms);
    }
    const busiest = Math.max(...allowed.map((from) => allowed.filter((at) => at >= from && at < from + MINUTE).length));
    expect(busiest).toBe(100);
    expect(allowed.length).toBeGreaterThan(480);
  });

  it('does not count what was denied, and says when to try again', () => {
    const guard = new Guard(limit({}));
    guard.calls(5, 'read');
    expect(guard.decide(action('read')).reason).toBe('The rate limit rate of 2 per 1 m is reached; try again in 1 m.');
    guard.now += MINUTE;
    expect(guard.call('read')).toBe('allow');
  });

  it('is not undone by a clock that is set back', () => {
    const guard = new Guard(limit({}));
    guard.calls(2, 'read');
    guard.now -= 60 * MINUTE;
    expect(guard.call('read')).toBe('deny');
  });

  it.each([
    ['session', { session: other }],
    ['agent', { agent: 'another' }],
    ['principal', { principal: 'bob' }],
  ] as const)('is kept per %s', (per, elsewhere) => {
    const guard = new Guard(limit({ per, calls: 1 }));
    expect([guard.call('a'), guard.call('b'), guard.call('a', elsewhere)]).toEqual(['allow', 'deny', 'allow']);
  });

  it('is kept per tool, and per several things at once', () => {
    const guard = new Guard(limit({ per: ['tool', 'agent'], calls: 1 }));
    expect([guard.call('a'), guard.call('b'), guard.call('a'), guard.call('a', { agent: 'another' })]).toEqual([
      'allow',
      'allow',
      'deny',
      'allow',
    ]);
    expect(new Guard(limit({ per: ['agent', 'session'], calls: 1 })).calls(2, 'x', { agent: '1:a', session: '' })).toEqual([
      'allow',
      'deny',
    ]);
  });

  it('counts a call of which it cannot be told whether it is meant', () => {
    const guard = new Guard(limit({ calls: 1, when: [{ argument: '/to', prefix: 'x' }] }));
    expect([guard.call('a', { arguments: { to: 'y' } }), guard.call('a'), guard.call('a')]).toEqual(['allow', 'allow', 'deny']);
  });

  it('asks for approval where it says so, and counts what may run then', () => {
    const guard = new Guard(limit({ calls: 1, decision: 'require_approval', approval: { approvers: 'alice' } }));
    expect(guard.calls(2, 'a')).toEqual(['allow', 'require_approval']);
  });
});

describe('a budget', () => {
  it('is so many calls of a session, and begins anew in another', () => {
    const guard = new Guard({ default: 'allow', budgets: [{ tools: 'read_*', calls: 2 }] });
    expect([...guard.calls(3, 'read_a'), guard.call('write'), guard.call('read_a', { session: other })]).toEqual([
      'allow',
      'allow',
      'deny',
      'allow',
      'allow',
    ]);
  });

  it('can be one of each tool', () => {
    const guard = new Guard({ default: 'allow', budgets: [{ calls: 1, per: ['session', 'tool'] }] });
    expect([guard.call('a'), guard.call('b'), guard.call('a')]).toEqual(['allow', 'allow', 'deny']);
  });

  it('is what an argument adds up to, and a smaller call may still fit', () => {
    const guard = new Guard({ default: 'allow', budgets: [{ sum: { argument: '/amount', at_most: 100 } }] });
    const pay = (amount: unknown) => guard.call('pay', { arguments: { amount } });
    expect([60, 50, 40, 0, 0.01].map(pay)).toEqual(['allow', 'deny', 'allow', 'allow', 'deny']);
  });

  it('adds up decimal fractions as people do', () => {
    const guard = new Guard({ default: 'allow', budgets: [{ sum: { argument: '/amount', at_most: 0.3 } }] });
    expect(guard.calls(4, 'pay', { arguments: { amount: 0.1 } })).toEqual(['allow', 'allow', 'allow', 'deny']);
  });

  it.each([
    ['-1', -1],
    ['text', '5'],
    ['NaN', Number.NaN],
    ['nothing', undefined],
    ['infinity', Number.POSITIVE_INFINITY],
    ['a list', [5]],
  ])('covers no call with %s for an amount', (_what, amount) => {
    const guard = new Guard({ default: 'allow', budgets: [{ sum: { argument: '/amount', at_most: 100 } }] });
    expect(guard.call('pay', { arguments: { amount } })).toBe('deny');
    expect(guard.call('pay', { arguments: { amount: 100 } })).toBe('allow');
  });

  it('gets back what a call would have cost that never ran', () => {
    const guard = new Guard({
      default: 'deny',
      rules: [{ decision: 'require_approval' }],
      budgets: [{ sum: { argument: '/amount', at_most: 100 } }],
    });
    const asked = guard.decide(action('pay', { arguments: { amount: 100 } }));
    expect(guard.call('pay', { arguments: { amount: 1 } })).toBe('deny');
    guard.settle(asked, 'denied');
    expect(guard.call('pay', { arguments: { amount: 1 } })).toBe('require_approval');
  });

  it('is gone with its session', () => {
    const guard = new Guard({ default: 'allow', budgets: [{ calls: 1 }] });
    guard.calls(1, 'a');
    guard.state = forgetSession(guard.state, other);
    expect(guard.call('a')).toBe('deny');
    guard.state = forgetSession(guard.state, 'a'.repeat(32));
    expect(guard.call('a')).toBe('allow');
  });
});

describe('separation of duties', () => {
  it('keeps groups of tools apart in one session, whichever comes first', () => {
    const document = { default: 'allow', separation: [{ never_both: [['create_*'], ['approve_*', 'pay']] }] };
    const guard = new Guard(document);
    expect([
      guard.call('create_a'),
      guard.call('create_b'),
      guard.call('pay'),
      guard.call('read'),
      guard.call('pay', { session: other }),
    ]).toEqual(['allow', 'allow', 'deny', 'allow', 'allow']);
    const reverse = new Guard(document);
    expect([reverse.call('pay'), reverse.call('create_a')]).toEqual(['allow', 'deny']);
  });

  it('holds for calls that run at the same time, and not for one that never ran', () => {
    const guard = new Guard({ default: 'allow', separation: [{ never_both: ['create', 'approve'] }] });
    const first = guard.decide(action('create'));
    expect(guard.decide(action('approve')).decision).toBe('deny');
    guard.settle(first, 'denied');
    expect(guard.call('approve')).toBe('allow');
  });

  it('lets tools be used in an order only', () => {
    const guard = new Guard({ default: 'allow', separation: [{ in_order: ['plan', 'build', 'deploy'] }] });
    expect(['plan', 'build', 'plan', 'build', 'deploy', 'build'].map((tool) => guard.call(tool))).toEqual([
      'allow',
      'allow',
      'deny',
      'allow',
      'allow',
      'deny',
    ]);
  });

  it('lets a tool be used only after another has ended well', () => {
    const guard = new Guard({ default: 'allow', separation: [{ tools: 'deploy', after: 'run_tests' }] });
    expect(guard.call('deploy')).toBe('deny');
    guard.call('run_tests', { status: 'error' });
    const running = guard.decide(action('run_tests'));
    expect(guard.call('deploy')).toBe('deny');
    guard.settle(running, 'ok');
    expect([guard.call('deploy'), guard.call('deploy', { session: other })]).toEqual(['allow', 'deny']);
  });
});

describe('a budget that a human may overrule', () => {
  it('is not given back by a refusal of more than it can count', () => {
    const guard = new Guard({ default: 'allow', budgets: [{ sum: { argument: '/amount', at_most: 100 }, decision: 'require_approval' }] });
    const pay = (amount: number, status: 'ok' | 'denied') => guard.call('pay', { arguments: { amount }, status });
    expect([pay(90, 'ok'), pay(1e20, 'denied'), pay(Number.MAX_VALUE, 'denied'), pay(20, 'denied'), pay(10, 'ok')]).toEqual([
      'allow',
      'require_approval',
      'require_approval',
      'require_approval',
      'allow',
    ]);
    expect([pay(1e20, 'ok'), pay(1, 'denied')]).toEqual(['require_approval', 'require_approval']);
  });
});

describe('information flow', () => {
  const document = {
    default: 'allow',
    flows: [
      {
        id: 'secrets',
        label: 'secret',
        from: ['read_secret', 'vault_*'],
        restricts: { tools: ['send_*', 'http'], when: [{ not: { argument: '/url', hosts: 'internal.example' } }] },
        decision: 'require_approval',
      },
    ],
  };
  const send = { arguments: { url: 'https://evil.example/' } };

  it('restricts what may follow a source, in the session that used it', () => {
    const guard = new Guard(document);
    expect(guard.call('http', send)).toBe('allow');
    guard.call('vault_get');
    expect([guard.call('http', send), guard.call('read'), guard.call('http', { arguments: { url: 'https://internal.example/' } })]).toEqual(
      ['require_approval', 'allow', 'allow'],
    );
    expect(guard.call('http', { ...send, session: other })).toBe('allow');
  });

  it('labels the session from when the source may run, and not when it never ran', () => {
    const guard = new Guard(document);
    const read = guard.decide(action('read_secret'));
    expect(guard.call('http', send)).toBe('require_approval');
    guard.settle(read, 'denied');
    expect(guard.call('http', send)).toBe('allow');
  });

  it('labels what is started in a family that has read, and not the other way round', () => {
    const guard = new Guard(document);
    const inner = { session: other, family: 'two', inherits: ['one', 'zero'] };
    guard.call('read_secret', inner);
    expect(guard.call('http', { ...send, family: 'one' })).toBe('allow');
    const outer = new Guard(document);
    outer.call('read_secret', { family: 'zero' });
    expect([outer.call('http', { ...send, ...inner }), outer.call('http', { ...send, family: 'one' })]).toEqual([
      'require_approval',
      'allow',
    ]);
  });

  it('labels the agents that work for one that has read, those started before, and the one that they work for', () => {
    const family = 'one';
    const child = { session: other, family };
    const parent = new Guard(document);
    parent.call('read_secret', { family });
    expect(parent.call('http', { ...send, ...child })).toBe('require_approval');
    const delegating = new Guard(document);
    delegating.call('read_secret', child);
    expect([delegating.call('http', { ...send, family }), delegating.call('http', { ...send, family: 'two' })]).toEqual([
      'require_approval',
      'allow',
    ]);
  });

  it('outlives the session that read, and ends with its family', () => {
    const guard = new Guard(document);
    const [read, asks] = [{ family: 'one' }, { ...send, family: 'one', session: other }];
    guard.call('read_secret', read);
    guard.state = forgetSession(guard.state, action('x').session);
    expect(guard.call('http', asks)).toBe('require_approval');
    guard.state = forgetSession(guard.state, 'one');
    expect(guard.call('http', asks)).toBe('allow');
  });

  it('restricts a call whose target cannot be told', () => {
    const guard = new Guard(document);
    guard.call('read_secret', { status: 'error' });
    expect(guard.call('http')).toBe('require_approval');
  });
});

describe('working hours', () => {
  const at = (hours: object, time: string) => decideOnce({ default: 'allow', hours: [hours] }, action('pay'), Date.parse(time)).decision;
  const office = { zone: 'Europe/Berlin', days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '09:00', to: '17:00' };
  const night = { zone: 'America/New_York', days: ['fri'], from: '22:00', to: '06:00' };

  it.each([
    ['in winter', office, '2026-11-23T08:00:00Z', 'allow'],
    ['before they begin, in winter', office, '2026-11-23T07:59:59Z', 'deny'],
    ['in summer, an hour earlier', office, '2026-07-20T07:00:00Z', 'allow'],
    ['when they end', office, '2026-11-23T16:00:00Z', 'deny'],
    ['on a Sunday', office, '2026-11-22T10:00:00Z', 'deny'],
    ['in the hour that daylight saving repeats', { zone: 'Europe/Berlin', from: '02:00', to: '03:00' }, '2026-10-25T01:30:00Z', 'allow'],
    ['over midnight', night, '2026-11-21T03:30:00Z', 'allow'],
    ['on the morning after', night, '2026-11-21T10:59:00Z', 'allow'],
    ['when that morning is over', night, '2026-11-21T11:00:00Z', 'deny'],
    ['on the morning of the day itself', night, '2026-11-20T10:00:00Z', 'deny'],
    ['at midnight', { zone: 'UTC', from: '00:00', to: '00:01' }, '2026-11-20T00:00:30Z', 'allow'],
    ['in the last minute of the day', { zone: 'UTC', from: '23:59' }, '2026-11-20T23:59:59Z', 'allow'],
  ])('%s', (_what, hours, time, expected) => {
    expect(at(hours, time)).toBe(expected);
  });
});
