import { describe, expect, it } from 'vitest';
import { lintPolicy, parsePolicy } from '../src/index.js';

const notes = (document: unknown, tools?: readonly string[]) =>
  lintPolicy(parsePolicy(document), { tools }).map(({ code, path }) => `${code} ${path}`);
const rules = (...list: object[]) => ({ default: 'deny', rules: list });
const allow = (when: object) => rules({ tools: 'x', decision: 'allow', when: [when] });

describe('the linter', () => {
  it.each([
    ['a rule after one that matches all', rules({ decision: 'deny' }, { tools: 'a', decision: 'allow' }), ['shadowed_rule /rules/1']],
    [
      'a rule after a wider pattern',
      rules({ tools: 'read_*', decision: 'deny' }, { tools: ['read_a', 'read_*_b'], decision: 'allow' }),
      ['shadowed_rule /rules/1'],
    ],
    [
      'a rule of which all tools are blocked',
      { ...rules({ tools: 'send_x', decision: 'allow' }), blocked_tools: ['send_*'] },
      ['shadowed_rule /rules/0'],
    ],
    ['an allow list beside a default that allows', { allowed_tools: ['a'], default: 'allow' }, ['allows_anyway /allowed_tools']],
    ['an allowed tool that is blocked', { allowed_tools: ['a', 'b'], blocked_tools: ['b'] }, ['unreachable_pattern /allowed_tools/1']],
    [
      'an allowed tool that a rule decides',
      { allowed_tools: ['a'], rules: [{ tools: 'a', decision: 'deny' }] },
      ['unreachable_pattern /allowed_tools/0'],
    ],
    ['a prefix of a URL', allow({ argument: '/u', prefix: 'https://a.example' }), ['weak_test /rules/0/when/0/prefix']],
    [
      'a prefix of a path, deep inside',
      allow({ any: [{ not: { argument: '/p', prefix: '/srv' } }] }),
      ['weak_test /rules/0/when/0/any/0/not/prefix'],
    ],
    ['a whole top-level domain', allow({ argument: '/u', hosts: '*.com' }), ['weak_test /rules/0/when/0/hosts']],
    [
      'hosts of the machine itself',
      allow({ argument: '/u', hosts: ['localhost:8080', '169.254.169.254'] }),
      ['weak_test /rules/0/when/0/hosts', 'weak_test /rules/0/when/0/hosts'],
    ],
    ['the root of all paths', allow({ argument: '/p', inside: '/' }), ['weak_test /rules/0/when/0/inside']],
    ['a root with ..', allow({ argument: '/p', inside: '/srv/../etc' }), ['weak_test /rules/0/when/0/inside']],
    ['an expression that matches all', allow({ argument: '/p', matches: '.*' }), ['weak_test /rules/0/when/0/matches']],
    [
      'dots of a host that match anything',
      allow({ argument: '/u', matches: 'https://a.example.com/.*' }),
      ['weak_test /rules/0/when/0/matches'],
    ],
    [
      'approvers that are too few',
      rules({ decision: 'require_approval', approval: { approvers: ['a', 'a'], count: 2 } }),
      ['unattainable_approval /rules/0/approval'],
    ],
    [
      'names that look alike',
      { allowed_tools: ['send_email'], blocked_tools: ['ѕend_email'] },
      ['confusable_name /allowed_tools/0', 'confusable_name /blocked_tools/0'],
    ],
    ['a name with what cannot be seen', { allowed_tools: ['a\u200b'] }, ['odd_name /allowed_tools/0']],
    ['a decomposed name', { allowed_tools: ['e\u0301'] }, ['odd_name /allowed_tools/0']],
  ])('notes %s', (_what, document, expected) => {
    expect(notes(document)).toEqual(expected);
  });

  it.each([
    ['a narrower rule first', rules({ tools: 'read_a', decision: 'deny' }, { tools: 'read_*', decision: 'allow' })],
    [
      'a rule with conditions first',
      rules({ tools: 'a', when: [{ argument: '/x', present: true }], decision: 'deny' }, { tools: 'a', decision: 'allow' }),
    ],
    ['a rule that only observes first', rules({ mode: 'observe', decision: 'deny' }, { tools: 'a', decision: 'allow' })],
    ['overlapping patterns', rules({ tools: 'a*', decision: 'deny' }, { tools: '*a', decision: 'allow' })],
    ['a question mark before a star', rules({ tools: 'a?', decision: 'deny' }, { tools: 'a*', decision: 'allow' })],
    ['rules for other agents', rules({ agents: 'x', decision: 'deny' }, { tools: 'a', decision: 'allow' })],
    ['an ending that stands for many', rules({ decision: 'require_approval', approval: { approvers: '*@finance.example.com', count: 2 } })],
    ['an expression with its dots escaped', allow({ argument: '/u', matches: 'https://a\\.example\\.com/[a-z]+' })],
    ['hosts that are named', allow({ argument: '/u', hosts: ['a.example.com', '*.example.com', 'a.example:*'] })],
  ])('has nothing to note of %s', (_what, document) => {
    expect(notes(document)).toEqual([]);
  });

  it('compares with the tools of recorded sessions', () => {
    const document = {
      allowed_tools: ['read_*', 'raed_file'],
      blocked_tools: ['send_email'],
      flows: [{ label: 'x', from: 'vault', restricts: { tools: 'send_email' } }],
    };
    expect(notes(document, ['read_file', 'send_email', 'search', 'send_emai1'])).toEqual([
      'confusable_name /blocked_tools/0',
      'matches_nothing /allowed_tools/1',
      'matches_nothing /flows/0/from/0',
      'only_default /default',
      'only_default /default',
    ]);
  });

  it('spells out what looks the same', () => {
    const [note] = lintPolicy(parsePolicy({ blocked_tools: ['send'] }), { tools: ['ѕend'] });
    expect(note?.message).toBe('send looks like \\u{455}end, which is another tool');
  });
});
