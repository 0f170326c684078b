import { describe, expect, it } from 'vitest';
import { type Action, compilePolicy, createState, decide, parsePolicy } from '../src/index.js';
import { action, NOON } from './support.js';

/** What a condition comes to: told apart by a rule that denies, which applies when it cannot be told, and one that allows. */
function outcome(condition: unknown, args: unknown, more: Partial<Action> = {}): 'holds' | 'fails' | 'untold' {
  const decided = (decision: string, fallback: string): string =>
    decide(
      compilePolicy(parsePolicy({ default: fallback, rules: [{ id: 'rule', decision, when: [condition] }] })),
      createState(),
      action('tool', { arguments: args, ...more }),
      NOON,
    ).decision;
  if (decided('allow', 'deny') === 'allow') return 'holds';
  return decided('deny', 'allow') === 'deny' ? 'untold' : 'fails';
}

const on = (test: object) => ({ argument: '/a', ...test });

describe('a condition', () => {
  it.each([
    ['equals', on({ equals: 'x' }), { a: 'x' }, 'holds'],
    ['equals, another text', on({ equals: 'x' }), { a: 'X' }, 'fails'],
    ['equals, composed and decomposed', on({ equals: 'é' }), { a: 'e\u0301' }, 'fails'],
    ['equals, a number as text', on({ equals: 1 }), { a: '1' }, 'untold'],
    ['equals, a text as number', on({ equals: '1' }), { a: 1 }, 'untold'],
    ['equals, null for a flag', on({ equals: true }), { a: null }, 'untold'],
    ['equals, minus zero', on({ equals: 0 }), { a: -0 }, 'holds'],
    ['equals, an object in any order', on({ equals: { x: 1, y: [2] } }), { a: { y: [2], x: 1 } }, 'holds'],
    ['equals, an object with more', on({ equals: { x: 1 } }), { a: { x: 1, z: 1 } }, 'fails'],
    ['equals, inherited members', on({ equals: { toString: 1 } }), { a: { x: 1 } }, 'fails'],
    ['one_of', on({ one_of: ['x', 2, null] }), { a: 2 }, 'holds'],
    ['one_of, none of them', on({ one_of: ['x', 2] }), { a: 'y' }, 'fails'],
    ['one_of, another kind', on({ one_of: ['x', 2] }), { a: true }, 'untold'],
    ['prefix', on({ prefix: ['in/', 'out/'] }), { a: 'out/1' }, 'holds'],
    ['prefix, not', on({ prefix: 'in/' }), { a: 'IN/1' }, 'fails'],
    ['prefix of a list', on({ prefix: 'in/' }), { a: ['in/'] }, 'untold'],
    ['matches the whole text', on({ matches: 'INV-\\d+' }), { a: 'INV-12' }, 'holds'],
    ['matches no part', on({ matches: 'INV-\\d+' }), { a: 'INV-12; DROP' }, 'fails'],
    ['matches over lines', on({ matches: '.*rm -rf.*' }), { a: 'true\nrm -rf /' }, 'holds'],
    ['matches a text that is too long', on({ matches: '.*' }), { a: 'x'.repeat(70_000) }, 'untold'],
    ['matches a number', on({ matches: '\\d+' }), { a: 12 }, 'untold'],
    ['at_most', on({ at_most: 100 }), { a: 100 }, 'holds'],
    ['below', on({ below: 100 }), { a: 100 }, 'fails'],
    ['above and at_most', on({ above: 0, at_most: 10 }), { a: 0 }, 'fails'],
    ['at_least, negative', on({ at_least: 0 }), { a: -1 }, 'fails'],
    ['at_most, a number as text', on({ at_most: 100 }), { a: '1' }, 'untold'],
    ['at_most, no number', on({ at_most: 100 }), { a: Number.NaN }, 'untold'],
    ['at_most, infinite', on({ at_most: 100 }), { a: Number.NEGATIVE_INFINITY }, 'untold'],
    ['present', on({ present: true }), { a: null }, 'holds'],
    ['present, not', on({ present: true }), {}, 'fails'],
    ['absent', on({ present: false }), {}, 'holds'],
    ['absent, undefined', on({ present: false }), { a: undefined }, 'holds'],
    ['a missing argument', on({ equals: 'x' }), { b: 'x' }, 'untold'],
    ['an argument below a text', { argument: '/a/b', equals: 'x' }, { a: 'x' }, 'untold'],
    ['an item of a list', { argument: '/a/1', equals: 'x' }, { a: ['y', 'x'] }, 'holds'],
    ['an item past the end', { argument: '/a/2', equals: 'x' }, { a: ['y', 'x'] }, 'untold'],
    ['an item by a name that is no index', { argument: '/a/01', equals: 'x' }, { a: ['y', 'x'] }, 'untold'],
    ['the length of a list, which is no item', { argument: '/a/length', at_least: 1 }, { a: [1] }, 'untold'],
    ['a key with a slash and a tilde', { argument: '/a~1b~0c', equals: 1 }, { 'a/b~c': 1 }, 'holds'],
    ['a key that is empty', { argument: '/', equals: 1 }, { '': 1 }, 'holds'],
    ['all of the arguments', { argument: '', equals: 'x' }, 'x', 'holds'],
    ['__proto__, inherited', { argument: '/__proto__', present: true }, {}, 'fails'],
    ['__proto__, sent', { argument: '/__proto__/x', equals: 1 }, JSON.parse('{"__proto__":{"x":1}}'), 'holds'],
    ['constructor', { argument: '/constructor/name', equals: 'Object' }, {}, 'untold'],
    ['some items', on({ items: 'some', equals: 'x' }), { a: ['y', 'x'] }, 'holds'],
    ['some items, none', on({ items: 'some', equals: 'x' }), { a: ['y'] }, 'fails'],
    ['some items, one of another kind', on({ items: 'some', equals: 'x' }), { a: ['y', 1] }, 'untold'],
    ['every item', on({ items: 'every', prefix: 'x' }), { a: ['x', 'xy'] }, 'holds'],
    ['every item, one not', on({ items: 'every', prefix: 'x' }), { a: ['x', 'y'] }, 'fails'],
    ['items with more text than is looked at', on({ items: 'every', prefix: 'x' }), { a: Array(9).fill('x'.repeat(32_768)) }, 'untold'],
    ['items of what is no list', on({ items: 'every', prefix: 'x' }), { a: 'x' }, 'untold'],
    ['all', { all: [on({ equals: 'x' }), { argument: '/b', equals: 1 }] }, { a: 'x', b: 2 }, 'fails'],
    ['all, one untold', { all: [on({ equals: 'x' }), { argument: '/b', equals: 1 }] }, { a: 'x' }, 'untold'],
    ['all, one fails and one is untold', { all: [{ argument: '/b', equals: 1 }, on({ equals: 'x' })] }, { a: 'y' }, 'fails'],
    ['any', { any: [{ argument: '/b', equals: 1 }, on({ equals: 'x' })] }, { a: 'x' }, 'holds'],
    ['not', { not: on({ equals: 'x' }) }, { a: 'y' }, 'holds'],
    ['not of what is untold', { not: on({ equals: 'x' }) }, {}, 'untold'],
  ])('%s', (_what, condition, args, expected) => {
    expect(outcome(condition, args)).toBe(expected);
  });

  it.each(['lossy', 'withheld'] as const)('cannot be told of arguments that are %s, present or not', (argumentsEncoding) => {
    expect(outcome(on({ equals: 'x' }), { a: 'x' }, { argumentsEncoding })).toBe('untold');
    expect(outcome(on({ present: false }), {}, { argumentsEncoding })).toBe('untold');
  });
});

describe('the hosts of URLs', () => {
  const allowed = on({
    hosts: ['api.example.com', '*.trusted.example', 'localhost:8443', 'bücher.example', 'any.example:*', '10.0.0.1', '[::1]'],
  });

  it.each([
    ['https://api.example.com', 'holds'],
    ['HTTPS://API.Example.COM/path?q#f', 'holds'],
    ['https://api.example.com.', 'holds'],
    ['https://api.example.com:443/', 'holds'],
    ['wss://api.example.com/', 'holds'],
    ['https://a.b.trusted.example/', 'holds'],
    ['https://localhost:8443/x', 'holds'],
    ['https://xn--bcher-kva.example/', 'holds'],
    ['https://BÜCHER.example/', 'holds'],
    ['http://any.example:81/', 'holds'],
    ['http://0x0a000001/', 'holds'],
    ['http://10.1/', 'holds'],
    ['http://[0:0:0:0:0:0:0:1]/', 'holds'],
    ['http://[::ffff:10.0.0.1]/', 'holds'],
    ['http://[::FFFF:a00:1]/', 'holds'],
    ['http://[::ffff:10.0.0.2]/', 'fails'],
    ['http://012.0.0.1/', 'untold'],
    ['http://10.00.0.1/', 'untold'],
    ['http://010.example/', 'fails'],
    ['https://api.example.com/../@evil.example', 'holds'],
    ['https://evil.example/https://api.example.com', 'fails'],
    ['https://api.example.com.evil.example/', 'fails'],
    ['https://evilapi.example.com/', 'fails'],
    ['https://trusted.example/', 'fails'],
    ['https://nottrusted.example/', 'fails'],
    ['https://localhost/', 'fails'],
    ['https://аpi.example.com/', 'fails'],
    ['https://api.example.com。evil.example/', 'fails'],
    ['https://api.example.com:8443/', 'untold'],
    ['https://api.example.com@evil.example/', 'untold'],
    ['https://user:pw@api.example.com/', 'untold'],
    ['https://evil.example\\@api.example.com/', 'untold'],
    ['https:\\\\api.example.com/', 'untold'],
    ['https://api.example.com#@evil.example/', 'untold'],
    ['https://api.example.com?@evil.example/', 'untold'],
    ['https:///api.example.com/', 'untold'],
    ['https:api.example.com', 'untold'],
    ['//api.example.com/', 'untold'],
    ['api.example.com', 'untold'],
    ['https://%61pi.example.com/', 'untold'],
    ['https://api.exa\tmple.com/', 'untold'],
    [' https://api.example.com/', 'untold'],
    ['https://api.example.com/\u0000', 'untold'],
    ['https://büßer.example/', 'untold'],
    ['file:///etc/passwd', 'untold'],
    ['javascript:alert(1)//api.example.com', 'untold'],
    ['ftp://api.example.com/', 'untold'],
    ['https://[::1', 'untold'],
    ['', 'untold'],
  ])('%s', (url, expected) => {
    expect(outcome(allowed, { a: url })).toBe(expected);
  });
});

describe('paths inside a root', () => {
  it.each([
    ['/srv/data', 'holds'],
    ['/srv/data/in/1.csv', 'holds'],
    ['/srv//data/./in', 'holds'],
    ['/srv/data/../data/x', 'holds'],
    ['/../srv/data/x', 'holds'],
    ['reports/1.csv', 'holds'],
    ['./reports', 'holds'],
    ['..', 'holds'],
    ['../..', 'fails'],
    ['reports/../../../etc/passwd', 'fails'],
    ['/srv/data/../../etc/passwd', 'fails'],
    ['/srv/data-evil/x', 'fails'],
    ['/srv', 'fails'],
    ['/', 'fails'],
    ['/srv/data/..%2f..%2fetc', 'untold'],
    ['/srv/data/%2e%2e/x', 'untold'],
    ['/srv/data\\..\\x', 'untold'],
    ['/srv/data/x\u0000.csv', 'untold'],
    ['/srv/data/x\n', 'untold'],
    ['//srv/data/x', 'untold'],
    ['~/data', 'untold'],
    ['C:/srv/data', 'untold'],
    ['file:///srv/data/x', 'untold'],
    ['/SRV/data/x', 'untold'],
    ['/srv/ｄata/x', 'untold'],
    ['/srv/data/．．/x', 'untold'],
    ['/srv/data/‥/x', 'untold'],
    ['/srv/data/x／..／..／..／etc', 'untold'],
    ['/srv/data/＼', 'untold'],
    ['/srv/data/%u002e%u002e/x', 'untold'],
    ['/srv/data/cafe\u0301', 'holds'],
    ['/srv/café', 'fails'],
    ['/srv/data/100%', 'holds'],
    ['', 'untold'],
  ])('%s', (path, expected) => {
    expect(outcome(on({ inside: '/srv/data', base: '/srv/data/work' }), { a: path })).toBe(expected);
  });

  it('cannot be told of a relative path without what it is relative to', () => {
    expect(outcome(on({ inside: '/srv/data' }), { a: 'reports/1.csv' })).toBe('untold');
  });
});
