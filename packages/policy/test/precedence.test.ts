import { describe, expect, it } from 'vitest';
import { compilePolicy, createState, decide } from '../src/index.js';
import { action, decideOnce, NOON, policies } from './support.js';

const when = [{ argument: '/amount', above: 100 }];

describe('the names of tools', () => {
  it.each([
    ['read_*', 'read_', true],
    ['read_*', 'read_a/b.c', true],
    ['read_*', 'Read_a', false],
    ['read_*', 'xread_a', false],
    ['*', '', true],
    ['*_file*', 'a_file', true],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'a-b-b', false],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['a??', 'a😀', true],
    ['a\\*', 'a*', true],
    ['a\\*', 'ab', false],
    ['a.c', 'abc', false],
    ['[ab]', 'a', false],
    ['{a,b}', 'a', false],
    ['send', 'ѕend', false],
    ['send', 'send\u200b', false],
    ['send', 'send ', false],
    ['é', 'e\u0301', false],
    ['__proto__', '__proto__', true],
    ['constructor', 'constructor', true],
  ])('%j and %j: %s', (pattern, tool, matches) => {
    expect(decideOnce({ allowed_tools: [pattern] }, action(tool)).decision).toBe(matches ? 'allow' : 'deny');
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])('%s is on no list that does not name it', (tool) => {
    expect(decideOnce({ allowed_tools: ['read'], default: 'deny' }, action(tool)).rule).toBe('default');
    expect(decideOnce({ blocked_tools: ['send'] }, action(tool)).rule).toBe('default');
  });
});

describe('precedence in one file', () => {
  it.each([
    ['a blocked tool before the list that allows it', { allowed_tools: ['*'], blocked_tools: ['send_*'] }, 'deny', 'blocked_tools/send_*'],
    [
      'a blocked tool before a rule that allows it',
      { default: 'allow', blocked_tools: ['send_email'], rules: [{ decision: 'allow' }] },
      'deny',
      'blocked_tools/send_email',
    ],
    [
      'the first rule that matches',
      {
        default: 'deny',
        rules: [
          { id: 'one', decision: 'allow' },
          { id: 'two', decision: 'deny' },
        ],
      },
      'allow',
      'one',
    ],
    [
      'a rule before the list of allowed tools',
      { allowed_tools: ['send_email'], rules: [{ tools: 'send_*', decision: 'deny' }] },
      'deny',
      'rules/0',
    ],
    [
      'the list after rules that do not match',
      { allowed_tools: ['send_email'], rules: [{ tools: 'read', decision: 'deny' }] },
      'allow',
      'allowed_tools/send_email',
    ],
    ['the pattern that stands first', { allowed_tools: ['se*', 'send_email'] }, 'allow', 'allowed_tools/se*'],
    ['the default when nothing else speaks', { default: 'deny', rules: [{ tools: 'read', decision: 'allow' }] }, 'deny', 'default'],
    [
      'a restriction over a rule that allows',
      { default: 'allow', rules: [{ decision: 'allow' }], hours: [{ id: 'night', zone: 'UTC', from: '22:00', to: '06:00' }] },
      'deny',
      'night',
    ],
    [
      'a rule that denies over a restriction that asks',
      {
        default: 'allow',
        rules: [{ decision: 'deny' }],
        hours: [{ zone: 'UTC', from: '22:00', to: '06:00', decision: 'require_approval' }],
      },
      'deny',
      'rules/0',
    ],
    [
      'a restriction that asks over a rule that allows',
      { default: 'allow', hours: [{ zone: 'UTC', from: '22:00', to: '06:00', decision: 'require_approval' }] },
      'require_approval',
      'hours/0',
    ],
    ['agents', { default: 'deny', rules: [{ agents: 'billing-*', decision: 'allow' }] }, 'allow', 'rules/0'],
    ['other agents', { default: 'deny', rules: [{ agents: 'support', decision: 'allow' }] }, 'deny', 'default'],
  ])('%s', (_what, document, decision, rule) => {
    expect(decideOnce(document, action('send_email'))).toMatchObject({ decision, rule });
  });

  it.each([
    ['a rule that denies applies', [{ when, decision: 'deny' }], 'allow', 'deny', 'rules/0'],
    ['a rule that allows does not', [{ when, decision: 'allow' }], 'deny', 'deny', 'default'],
    ['a rule that asks asks', [{ when, decision: 'require_approval' }, { decision: 'allow' }], 'deny', 'require_approval', 'rules/0'],
    [
      'a rule that asks gives way to a denial that it would have hidden',
      [{ when, decision: 'require_approval' }, { decision: 'deny' }],
      'allow',
      'deny',
      'rules/1',
    ],
    ['and to a default that denies', [{ when, decision: 'require_approval' }], 'deny', 'deny', 'default'],
    [
      'a later rule that denies still does after one that allows',
      [{ when, decision: 'allow' }, { decision: 'deny' }],
      'allow',
      'deny',
      'rules/1',
    ],
    ['a principal that is asked for and not known', [{ principals: 'bob', decision: 'deny' }], 'allow', 'deny', 'rules/0'],
    ['a tool type that is asked for and not known', [{ tool_types: 'extension', decision: 'allow' }], 'deny', 'deny', 'default'],
  ])('where it cannot be told whether a rule is meant, %s', (_what, rules, fallback, decision, rule) => {
    for (const args of [{}, { amount: '101' }, { amount: null }, [], 'x', undefined]) {
      expect(decideOnce({ default: fallback, rules }, action('pay', { arguments: args }))).toMatchObject({ decision, rule });
    }
  });
});

describe('approval', () => {
  it('is asked for with who, how many, until when and whether by oneself', () => {
    const approval = { approvers: ['alice@example.com', '*@finance.example.com'], count: 2, expires: '30m', self_approval: true };
    expect(decideOnce({ default: 'deny', rules: [{ decision: 'require_approval', approval }] }, action('pay')).approval).toEqual({
      approvers: ['alice@example.com', '*@finance.example.com'],
      count: 2,
      expiresMs: 1_800_000,
      selfApproval: true,
    });
  });

  it('is by default that of one other person within an hour', () => {
    expect(decideOnce({ default: 'deny', rules: [{ decision: 'require_approval' }] }, action('pay')).approval).toEqual({
      approvers: null,
      count: 1,
      expiresMs: 3_600_000,
      selfApproval: false,
    });
  });

  const asking = (approval: object) => ({ decision: 'require_approval', zone: 'UTC', from: '22:00', to: '06:00', approval });

  it('asked for twice is what satisfies both', () => {
    const one = { approvers: ['alice', 'bob', 'dave'], count: 1, expires: '1h', self_approval: true };
    const other = { approvers: ['bob', 'carol', 'dave'], count: 2, expires: '2h' };
    const document = { default: 'deny', rules: [{ decision: 'require_approval', approval: one }], hours: [asking(other)] };
    expect(decideOnce(document, action('pay'))).toMatchObject({
      decision: 'require_approval',
      rule: 'rules/0',
      approval: { approvers: ['bob', 'dave'], count: 2, expiresMs: 3_600_000, selfApproval: false },
    });
  });

  it.each([
    [['alice@example.com'], ['*@example.com'], ['alice@example.com']],
    [['*@EXAMPLE.com'], ['*example.com', 'bob'], ['*@EXAMPLE.com']],
    [['Alice'], ['alice', 'bob'], ['alice']],
  ])('by one of %j and by one of %j is by one of %j', (one, other, common) => {
    const document = {
      default: 'deny',
      rules: [{ decision: 'require_approval', approval: { approvers: one } }],
      hours: [asking({ approvers: other })],
    };
    expect(decideOnce(document, action('pay')).approval?.approvers).toEqual(common);
  });

  it('by more people than are left to give it is a denial', () => {
    const document = {
      default: 'deny',
      rules: [{ decision: 'require_approval', approval: { approvers: ['alice', 'bob'] } }],
      hours: [asking({ approvers: ['alice', 'carol'], count: 2 })],
    };
    expect(decideOnce(document, action('pay'))).toMatchObject({ decision: 'deny', rule: 'rules/0' });
  });

  it('that nobody can give is a denial', () => {
    const document = {
      default: 'deny',
      rules: [{ decision: 'require_approval', approval: { approvers: 'alice' } }],
      hours: [asking({ approvers: 'bob' })],
    };
    expect(decideOnce(document, action('pay'))).toMatchObject({
      decision: 'deny',
      reason: expect.stringContaining('too few approvers in common'),
    });
  });
});

describe('several files', () => {
  const organisation = {
    name: 'org',
    default: 'allow',
    blocked_tools: ['execute_shell'],
    rules: [{ id: 'wire', tools: 'wire_*', decision: 'require_approval' }],
  };
  const team = { name: 'team', allowed_tools: ['read_*', 'wire_money', 'execute_shell'] };
  const agent = {
    name: 'agent',
    default: 'allow',
    rules: [
      { tools: 'read_secret', decision: 'deny' },
      { tools: '*', decision: 'allow' },
    ],
  };

  it.each([
    ['what all allow, named by the first that says why', 'read_file', 'allow', 'team:allowed_tools/read_*'],
    ['what the first file denies, allowed by the others', 'execute_shell', 'deny', 'org:blocked_tools/execute_shell'],
    ['what the second does not allow', 'send_email', 'deny', 'team:default'],
    ['what the third denies', 'read_secret', 'deny', 'agent:rules/0'],
    ['what the first asks approval for, allowed by the others', 'wire_money', 'require_approval', 'org:wire'],
  ])('%s', (_what, tool, decision, rule) => {
    const once = (files: readonly unknown[]) => decide(compilePolicy(policies(...files)), createState(), action(tool), NOON);
    expect(once([organisation, team, agent])).toMatchObject({ decision, rule });
    expect(once([agent, team, organisation]).decision).toBe(decision);
  });
});

describe('a reason', () => {
  it('names the rule and the arguments that it reads, and has the author’s own words', () => {
    const document = { default: 'deny', rules: [{ tools: 'pay', when, decision: 'deny', reason: 'Large payments go through finance.' }] };
    expect(decideOnce(document, action('pay', { arguments: { amount: 101 } })).reason).toBe(
      'Denied by rules/0: Large payments go through finance.',
    );
    expect(decideOnce(document, action('pay')).reason).toContain('(it reads the arguments /amount)');
  });

  it('never repeats a value', () => {
    const document = {
      default: 'deny',
      rules: [
        { tools: 'pay', when: [{ argument: '/to', matches: 'x+' }], decision: 'deny' },
        { tools: 'pay', when: [{ argument: '/to', hosts: 'a.example' }], decision: 'require_approval' },
      ],
      budgets: [{ sum: { argument: '/amount', at_most: 1 } }],
      breakers: [{ identical_calls: 1 }],
    };
    for (const to of ['s3cr3t-value', ['s3cr3t-value'], { 's3cr3t-value': 1 }, 'https://s3cr3t-value/']) {
      const { state: _, ...decided } = decideOnce(document, action('pay', { arguments: { to, amount: 424_242 }, reason: 's3cr3t-value' }));
      expect(JSON.stringify(decided)).not.toMatch(/s3cr3t|"reason":"[^"]*424/);
    }
  });
});

describe('durability', () => {
  it.each([
    ['all tools', 'acknowledged', 'read', 'acknowledged'],
    ['a tool that is named', { acknowledged: 'pay_*' }, 'pay_invoice', 'acknowledged'],
    ['another tool', { acknowledged: 'pay_*' }, 'read', undefined],
  ])('is asked for of %s', (_what, durability, tool, expected) => {
    expect(decideOnce({ default: 'allow', durability }, action(tool)).durability).toBe(expected);
    expect(decideOnce({ default: 'deny', durability }, action(tool)).durability).toBeUndefined();
  });
});
