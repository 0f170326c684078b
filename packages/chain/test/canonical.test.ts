import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import canonicalizeOracle from 'canonicalize';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { ChainError, canonicalize } from '../src/index.js';

vi.setConfig({ testTimeout: 60_000 });

const oracle = canonicalizeOracle as unknown as (value: unknown) => string | undefined;
const jcs = (path: string): string => readFileSync(new URL(`./jcs/${path}`, import.meta.url), 'utf8');

describe('RFC 8785', () => {
  test.each(readdirSync(new URL('./jcs/input', import.meta.url)))('test data: %s', (file) => {
    expect(canonicalize(JSON.parse(jcs(`input/${file}`)))).toBe(jcs(`output/${file}`));
  });

  test('section 3.2.2: the example', () => {
    const value = JSON.parse(String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`);
    expect(canonicalize(value)).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
  });

  test('section 3.2.3: properties are sorted by UTF-16 code units, not by code points', () => {
    const value = JSON.parse(String.raw`{
      "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"
    }`);
    expect(Object.values(JSON.parse(canonicalize(value)))).toEqual([
      'One', // JSON.parse puts an integer key first in any case
      ...['Carriage Return', 'Control', 'Latin Small Letter O With Diaeresis', 'Euro Sign', 'Emoji: Grinning Face'],
      'Hebrew Letter Dalet With Dagesh',
    ]);
    expect(canonicalize(value)).toMatch(/^\{"\\r":"Carriage Return","1":"One"/);
  });

  // Appendix B
  test.each([
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['ffefffffffffffff', '-1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['c340000000000000', '-9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['44b52d02c7e14af7', '1.0000000000000001e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['444b1ae4d6e2ef4f', '999999999999999900000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555553', '333333333.3333332'],
    ['41b3de4355555554', '333333333.33333325'],
    ['41b3de4355555555', '333333333.3333333'],
    ['41b3de4355555556', '333333333.3333334'],
    ['41b3de4355555557', '333333333.33333343'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ])('appendix B: %s is %s', (bits, text) => {
    expect(canonicalize(double(BigInt(`0x${bits}`)))).toBe(text);
  });

  test.each(['7fffffffffffffff', '7ff0000000000000', 'fff0000000000000'])('appendix B: %s is refused', (bits) => {
    expect(() => canonicalize(double(BigInt(`0x${bits}`)))).toThrow(ChainError);
  });

  // Checksums from the README of the test data: of the first n lines `bits,text`.
  test.each([
    [1000, 'be18b62b6f69cdab33a7e0dae0d9cfa869fda80ddc712221570f9f40a5878687'],
    [100_000, '22776e6d4b49fa294a0d0f349268e5c28808fe7e0cb2bcbe28f63894e494d4c7'],
  ])('the first %i numbers of the deterministic sequence', (count, checksum) => {
    const hash = createHash('sha256');
    let lines = 0;
    for (const bits of es6Numbers()) {
      hash.update(`${bits.toString(16)},${canonicalize(double(bits))}\n`);
      if (++lines === count) break;
    }
    expect(hash.digest('hex')).toBe(checksum);
  });
});

function double(bits: bigint): number {
  return new Float64Array(BigUint64Array.of(bits).buffer)[0] as number;
}

/** The sequence of the test data's README: fixed values, the smallest normal ones, then what hashing a hash again gives. */
function* es6Numbers(): Iterable<bigint> {
  for (const hex of JSON.parse(jcs('es6-numbers.json')) as string[]) yield BigInt(`0x${hex}`);
  for (let i = 0n; i < 2000n; i++) yield 0x0010000000000000n + i;
  for (let block: Uint8Array = new Uint8Array(32); ; ) {
    block = Uint8Array.from(createHash('sha256').update(block).digest());
    for (const bits of new BigUint64Array(block.buffer)) {
      const value = double(bits);
      if (value !== 0 && Number.isFinite(value)) yield bits;
    }
  }
}

describe('any JSON value', () => {
  const value = fc.jsonValue({ maxDepth: 5 });
  // `__proto__` as a key: the oracle's own concern, tested by hand below.
  test('comes out as from the reference implementation, and reads back the same', () => {
    fc.assert(
      fc.property(value, (any) => {
        const text = canonicalize(any);
        expect(text).toBe(oracle(any));
        expect(canonicalize(JSON.parse(text))).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  test('of many keys is sorted as few are', () => {
    const keys = fc.uniqueArray(fc.string({ unit: 'grapheme', maxLength: 6 }), { minLength: 20, maxLength: 40 });
    fc.assert(
      fc.property(keys, (names) => {
        const any = Object.fromEntries(names.map((name, i) => [name, i]));
        expect(canonicalize(any)).toBe(oracle(any));
      }),
    );
  });

  test('has one form, whatever the order of its keys', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.integer()), (any) => {
        const reversed = Object.fromEntries(Object.entries(any).reverse());
        expect(canonicalize(reversed)).toBe(canonicalize(any));
      }),
    );
  });
});

class Money {
  readonly cents = 1;
}

describe('what is no JSON is refused with its path', () => {
  const cycle: Record<string, unknown> = {};
  cycle['self'] = [cycle];
  const deep = (levels: number): unknown => Array.from({ length: levels }).reduce((inner) => [inner], 1 as unknown);
  const refused: readonly (readonly [string, unknown])[] = [
    ['undefined', undefined],
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['a bigint', 1n],
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['-Infinity', Number.NEGATIVE_INFINITY],
    ['a lone surrogate', 'a\ud800'],
    ['a lone surrogate in the other half', '\udc00b'],
    ['a lone surrogate as a key', { '\ud800': 1 }],
    ['a Map', new Map([['a', 1]])],
    ['a Set', new Set([1])],
    ['a Date', new Date(0)],
    ['a RegExp', /x/],
    ['an Error', new Error('x')],
    ['a typed array', new Uint8Array(2)],
    ['a Buffer', Buffer.from('x')],
    ['an ArrayBuffer', new ArrayBuffer(2)],
    ['a boxed string', new String('x')],
    ['a boxed number', Object(1)],
    ['a promise', Promise.resolve(1)],
    ['a class instance', new Money()],
    ['an object on another object', Object.create({ inherited: 1 })],
    ['a toJSON function', { toJSON: () => 'x' }],
    ['a cycle', cycle],
    ['a sparse array', new Array(3)],
    ['an array of undefined', [undefined]],
    ['nesting past the bound', deep(257)],
  ];

  test.each(refused)('%s', (_what, value) => {
    expect(() => canonicalize(value)).toThrow(expect.objectContaining({ code: 'not_json', name: 'ChainError' }));
    expect(() => canonicalize({ a: [0, { b: value }] })).toThrow(/^not JSON at \/a\/1\/b/);
    expect(() => canonicalize([value])).toThrow(/^not JSON at \/0/);
  });

  test('at the top, too', () => {
    expect(() => canonicalize(undefined)).toThrow('not JSON at the top: a undefined has no JSON form');
  });

  test('among many keys and items', () => {
    expect(() => canonicalize({ list: [...Array(50).keys(), 1n] })).toThrow(/^not JSON at \/list\/50: /);
  });

  test('without an overflow, however deep', () => {
    expect(() => canonicalize(deep(100_000))).toThrow(expect.objectContaining({ code: 'not_json' }));
  });
});

describe('what is JSON in an unusual coat is taken', () => {
  test('an object without a prototype', () => {
    expect(canonicalize(Object.assign(Object.create(null), { b: 1, a: 2 }))).toBe('{"a":2,"b":1}');
  });

  test('objects and arrays of another realm', () => {
    expect(canonicalize(runInNewContext('({ b: [1, { c: null }], a: "x" })'))).toBe('{"a":"x","b":[1,{"c":null}]}');
  });

  test('but no class instance of another realm', () => {
    expect(() => canonicalize(runInNewContext('new Map()'))).toThrow(ChainError);
    expect(() => canonicalize(runInNewContext('new (class A { x = 1 })()'))).toThrow(ChainError);
  });

  test('a key __proto__, which is a key like any other', () => {
    expect(canonicalize(JSON.parse('{"__proto__":{"a":1},"constructor":2}'))).toBe('{"__proto__":{"a":1},"constructor":2}');
  });

  test('a key toJSON that is no function', () => {
    expect(canonicalize({ toJSON: 'x' })).toBe('{"toJSON":"x"}');
  });

  test('a frozen object, and one that is used twice', () => {
    const shared = Object.freeze({ a: 1 });
    expect(canonicalize([shared, shared])).toBe('[{"a":1},{"a":1}]');
  });

  test('nesting up to the bound', () => {
    const text = `${'['.repeat(256)}${']'.repeat(256)}`;
    expect(canonicalize(JSON.parse(text))).toBe(text);
  });

  test('text is not normalised: look-alikes stay apart', () => {
    expect(canonicalize('é')).not.toBe(canonicalize('e\u0301'));
  });
});
