import { describe, expect, it } from 'vitest';
import { compilePolicy, PolicyError, parsePolicy, policyValue } from '../src/index.js';
import { policies } from './support.js';

function refusal(source: unknown): PolicyError {
  try {
    parsePolicy(source, { file: 'team.yaml' });
  } catch (error) {
    if (error instanceof PolicyError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

describe('a policy that is nested too deep', () => {
  const rule = `[{ when: [${'{ not: '.repeat(5_000)}{ argument: /a, present: true }${'}'.repeat(5_000)}], decision: deny }]`;
  it.each([
    ['lists', '['.repeat(50_000)],
    ['maps', '{"a":'.repeat(20_000)],
    ['maps in a file that is in order', `default: allow\nrules: ${rule}`],
    ['dashes', `default: allow\nrules:\n${'- '.repeat(20_000)}x`],
    ['lines', Array.from({ length: 1_200 }, (_, at) => `${' '.repeat(at)}a:`).join('\n')],
  ])('is refused before a reader runs out of stack over it: %s', (_what, source) => {
    expect(refusal(source)).toMatchObject({ code: 'not_readable', message: 'team.yaml: is nested deeper than a policy can be' });
  });

  it('is not one that has brackets in its texts', () => {
    const when = [{ argument: '/a', matches: '\\['.repeat(200) }];
    const { document } = parsePolicy(JSON.stringify({ default: 'deny', rules: [{ when, decision: 'allow' }] }));
    expect(document.rules).toHaveLength(1);
  });
});

describe('a policy file', () => {
  it('is JSON or YAML, and means the same in both', () => {
    const json = parsePolicy('{ "allowed_tools": ["read_database"], "blocked_tools": ["send_email"] }');
    const yaml = parsePolicy('# the same\nblocked_tools: [send_email]\nallowed_tools:\n  - read_database\n');
    expect(policyValue(json)).toEqual(policyValue(yaml));
  });

  it('takes a value instead of a text, and a copy of it', () => {
    const value = { allowed_tools: ['read'], rules: [{ decision: 'deny', when: [{ argument: '/to', equals: { a: 1 } }] }] };
    const policy = parsePolicy(value);
    const before = JSON.stringify(policyValue(policy));
    value.allowed_tools.push('execute_shell');
    (value.rules[0] as { when: { equals: { a: number } }[] }).when[0] = { equals: { a: 2 } };
    expect(JSON.stringify(policyValue(policy))).toBe(before);
  });

  it.each([
    ['an allow list: the rest is denied', { allowed_tools: ['a'] }, 'deny'],
    ['an empty allow list too', { allowed_tools: [] }, 'deny'],
    ['both lists', { allowed_tools: ['a'], blocked_tools: ['b'] }, 'deny'],
    ['a block list alone: the rest is allowed', { blocked_tools: ['b'] }, 'allow'],
    ['what is written', { allowed_tools: ['a'], default: 'allow' }, 'allow'],
  ])('has the default of %s', (_what, document, expected) => {
    expect(parsePolicy(document).document.default).toBe(expected);
  });

  it.each([
    ['nothing at all', {}],
    ['rules alone', { rules: [{ tools: 'a', decision: 'allow' }] }],
    ['rules beside a block list', { blocked_tools: ['b'], rules: [{ tools: 'a', decision: 'require_approval' }] }],
    ['limits alone', { limits: [{ calls: 1, within: '1m' }] }],
  ])('must say its default with %s', (_what, document) => {
    expect(refusal(document)).toMatchObject({ code: 'invalid_policy', message: expect.stringContaining('default is missing') });
  });

  it.each([
    ['an unknown key', { allowed_tools: [], alowed: [] }, 'team.yaml: the top: Unrecognized key: "alowed"'],
    ['a prototype name', '{"allowed_tools": [], "__proto__": {}}', '"__proto__"'],
    [
      'a constructor',
      { allowed_tools: [], rules: [{ constructor: 1, decision: 'deny' }] },
      'team.yaml: /rules/0: Unrecognized key: "constructor"',
    ],
    ['a decision that there is none of', { default: 'deny', rules: [{ decision: 'permit' }] }, 'team.yaml: /rules/0/decision:'],
    ['a pattern that ends in a backslash', { allowed_tools: ['a\\'] }, '/allowed_tools/0: ends in a lone backslash'],
    ['a pointer without its slash', rule({ argument: 'to', equals: 1 }), '/rules/0/when/0/argument: expected a JSON Pointer'],
    ['a pointer with a bad escape', rule({ argument: '/a~2', equals: 1 }), '/rules/0/when/0/argument: expected a JSON Pointer'],
    ['a condition without a test', rule({ argument: '/to' }), '/rules/0/when/0: a test is missing'],
    ['a condition without an argument', rule({ equals: 1 }), '/rules/0/when/0: argument is missing'],
    ['two tests in one condition', rule({ argument: '/to', equals: 'a', prefix: 'a' }), 'equals and prefix are two tests'],
    ['a test beside not', rule({ not: { argument: '/a', present: true }, argument: '/b', present: true }), 'stand alone'],
    [
      'a problem deep inside',
      rule({ any: [{ not: { argument: '/a', matches: '(' } }] }),
      '/rules/0/when/0/any/0/not/matches: not an RE2 expression',
    ],
    ['an expression that RE2 has not', rule({ argument: '/a', matches: '(a)\\1' }), 'not an RE2 expression'],
    ['an expression that is too large', rule({ argument: '/a', matches: '([a-z]{100}[0-9]{100}){10}' }), 'too large'],
    ['a URL for a host', rule({ argument: '/a', hosts: 'https://example.com' }), '/hosts/0: expected a host'],
    ['a relative root', rule({ argument: '/a', inside: 'data' }), '/inside/0: expected an absolute path'],
    ['a time zone that there is none of', { default: 'deny', hours: [{ zone: 'Mars/Base' }] }, '/hours/0/zone: is no IANA time zone'],
    ['a number for a time of day', 'default: deny\nhours: [{ zone: UTC, from: 9 }]', '/hours/0/from:'],
    ['a duration without a unit', { default: 'deny', limits: [{ calls: 1, within: '60' }] }, '/limits/0/within: expected a duration'],
    ['a budget of two things', { default: 'deny', budgets: [{ calls: 1, sum: { argument: '/a', at_most: 1 } }] }, 'one of calls: and sum:'],
    ['a breaker that trips on nothing', { default: 'deny', breakers: [{ tools: 'a' }] }, '/breakers/0: expected one of consecutive_errors'],
    [
      'a budget across sessions',
      { default: 'deny', budgets: [{ calls: 1, per: 'agent' }] },
      '/budgets/0/per: a budget is one of a session',
    ],
    [
      'approval where it is denied',
      { default: 'deny', limits: [{ calls: 1, within: '1m', approval: {} }] },
      '/limits/0/approval: belongs to',
    ],
    [
      'an approver with a star inside',
      { default: 'deny', rules: [{ decision: 'require_approval', approval: { approvers: 'a*b' } }] },
      '/approvers/0: a * stands',
    ],
    [
      'an approval that never expires',
      { default: 'deny', rules: [{ decision: 'require_approval', approval: { expires: '8d' } }] },
      '/expires: expected 1s to 7d',
    ],
    ['a reserved id', { default: 'deny', rules: [{ id: 'default', decision: 'deny' }] }, '/rules/0/id: is reserved'],
  ])('is refused with %s, and told where', (_what, source, message) => {
    expect(refusal(source)).toMatchObject({ code: 'invalid_policy', message: expect.stringContaining(message) });
  });

  it('is told all that is wrong, a line each', () => {
    const { message } = refusal({ allowed_tools: [1], mode: 'watch', rules: [{ decision: 'no' }] });
    expect(message.split('\n').map((line) => line.split(': ')[1])).toEqual(['/mode', '/allowed_tools/0', '/rules/0/decision']);
  });

  it.each([
    ['no YAML', 'rules: [', /team\.yaml: line 1, column \d+: neither JSON nor YAML/],
    ['a key twice', '{"default":"deny","default":"allow"}', /line 1.*Map keys must be unique/],
    ['two documents', 'default: deny\n---\ndefault: allow', /multiple documents/],
    ['an unknown tag', 'default: !env DEFAULT', /neither JSON nor YAML/],
    [
      'aliases without end',
      `a: &a [x]\n${'bcdefghij'
        .split('')
        .map((key, at) => `${key}: &${key} [${`*${'abcdefghi'[at]},`.repeat(9)}]`)
        .join('\n')}`,
      /alias/,
    ],
    ['a number that is none', 'default: deny\nlimits: [{ calls: .nan, within: 1m }]', /\/limits\/0\/calls: expected a finite number/],
    [
      'an integer that was rounded',
      '{"default":"deny","rules":[{"decision":"deny","when":[{"argument":"/id","equals":9007199254740993}]}]}',
      /\/equals: is too large/,
    ],
    ['half a surrogate pair', { allowed_tools: ['\ud800'] }, /\/allowed_tools\/0: holds half/],
    ['a Map', new Map([['default', 'deny']]), /expected a plain object/],
    ['nothing', undefined, /the top: a undefined is no JSON value/],
  ])('is no policy: %s', (_what, source, message) => {
    expect(refusal(source)).toMatchObject({ code: 'not_readable', message: expect.stringMatching(message) });
  });

  it('gives each entry an id of its own', () => {
    const document = { default: 'deny', rules: [{ id: 'mail', decision: 'deny' }], limits: [{ id: 'mail', calls: 1, within: '1m' }] };
    expect(refusal(document)).toMatchObject({
      code: 'duplicate_id',
      message: expect.stringContaining('team.yaml: /limits/0: the id mail'),
    });
    expect(refusal({ default: 'deny', rules: [{ id: 'rules/1', decision: 'deny' }, { decision: 'deny' }] }).code).toBe('duplicate_id');
  });
});

describe('what is digested of a policy', () => {
  it('does not depend on layout, on the file, nor on whether a default was written', () => {
    const short = parsePolicy('allowed_tools: [a]\nlimits: [{ calls: 3, within: 60s }]', { file: 'one' });
    const long = parsePolicy({
      limits: [{ within: '1m', calls: 3, per: 'session', decision: 'deny' }],
      mode: 'enforce',
      allowed_tools: ['a'],
      default: 'deny',
    });
    expect(policyValue(short)).toEqual(policyValue(long));
  });

  it('is JSON, and tells one policy from several', () => {
    const several = policies({ name: 'org', allowed_tools: ['a'] }, { name: 'team', blocked_tools: ['b'] });
    const value = policyValue(several);
    expect(JSON.parse(JSON.stringify(value))).toEqual(value);
    expect(value).toEqual([policyValue(several[0] as never), policyValue(several[1] as never)]);
  });
});

describe('several files', () => {
  it.each([
    ['have no name', { allowed_tools: ['a'] }, { allowed_tools: ['b'] }, /0\.yaml and 1\.yaml: neither has a name/],
    ['have the same name', { name: 'org', allowed_tools: ['a'] }, { name: 'org', allowed_tools: ['b'] }, /both are named org/],
  ])('are refused when two %s: decisions could not be told apart', (_what, one, other, message) => {
    expect(() => compilePolicy(policies(one, other))).toThrow(message);
  });

  it('are at least one', () => {
    expect(() => compilePolicy([])).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });
});

function rule(condition: unknown): unknown {
  return { default: 'deny', rules: [{ decision: 'deny', when: [condition] }] };
}
