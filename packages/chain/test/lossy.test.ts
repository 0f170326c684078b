import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { canonicalize, toCanonical } from '../src/index.js';

vi.setConfig({ testTimeout: 60_000 });

const throwing = (): never => {
  throw new Error('no');
};
function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
const cycle: Record<string, unknown> = { name: 'x' };
cycle['self'] = cycle;

class Money {
  readonly #secret = 7;
  cents = 12;
  get doubled(): number {
    return this.#secret * 2;
  }
}

// The table of SPEC.md, "Values that are not JSON", row by row.
const rule: readonly (readonly [string, unknown, unknown])[] = [
  ['an undefined property is left out', { a: undefined, b: 1 }, { b: 1 }],
  ['undefined in an array is null', [undefined, 1], [null, 1]],
  ['undefined alone is null', undefined, null],
  ['a hole in an array is null', new Array(2), [null, null]],
  ['a function', { f: () => 1 }, { f: '[function]' }],
  ['a class', { f: Money }, { f: '[function]' }],
  ['a symbol', [Symbol('x')], ['[symbol]']],
  ['a bigint', { n: -12345678901234567890n }, { n: '-12345678901234567890' }],
  ['NaN', [Number.NaN], ['NaN']],
  ['Infinity', [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY], ['Infinity', '-Infinity']],
  ['a date', new Date(0), '1970-01-01T00:00:00.000Z'],
  ['no date', new Date(Number.NaN), 'Invalid Date'],
  ['a regular expression', /a+/gi, '/a+/gi'],
  ['a regular expression with a lone surrogate', [new RegExp(String.fromCharCode(0xd800))], ['/\ufffd/']],
  ['a URL', new URL('https://example.com/a?b=1'), 'https://example.com/a?b=1'],
  ['search parameters', new URLSearchParams({ a: '1' }), 'a=1'],
  ['an error', new TypeError('bad'), { name: 'TypeError', message: 'bad' }],
  ['bytes', new Uint8Array([0, 255]), '00ff'],
  ['a buffer', Buffer.from('hi'), '6869'],
  ['an array buffer', new Uint8Array([1]).buffer, '01'],
  ['a view', new DataView(new Uint8Array([1, 2, 3]).buffer, 1), '0203'],
  ['a part of a buffer', new Uint16Array(new Uint8Array([1, 2, 3, 4]).buffer, 2), '0304'],
  ['many bytes', new Uint8Array(100_001), '[100001 bytes]'],
  [
    'a map',
    new Map<unknown, unknown>([
      ['a', 1],
      [{ k: 1 }, 2n],
    ]),
    [
      ['a', 1],
      [{ k: 1 }, '2'],
    ],
  ],
  ['a set', new Set([1, 'a']), [1, 'a']],
  ['a class instance', new Money(), { cents: 12 }],
  ['a boxed value', [new String('x'), new Number(1), new Boolean(false)], ['x', 1, false]],
  ['a boxed value that is no JSON', [new Number(Number.NaN), new String('\ud800')], ['NaN', '\ufffd']],
  [
    'a property that throws',
    {
      get a() {
        return throwing();
      },
      b: 1n,
    },
    { a: '[unreadable]', b: '1' },
  ],
  ['a revoked proxy', [revoked()], ['[unreadable]']],
  ['a cycle', cycle, { name: 'x', self: '[circular]' }],
  ['a lone surrogate', { 'a\ud800': '\udc00' }, { 'a\ufffd': '\ufffd' }],
  ['toJSON is not called', { toJSON: () => 'x' }, { toJSON: '[function]' }],
  ['a key __proto__', JSON.parse('{"__proto__":[1],"n":null}', (_key, value) => value ?? 1n), { ['__proto__']: [1], n: '1' }],
];

describe('a value that is no JSON is rewritten by the rule', () => {
  test.each(rule)('%s', (_what, value, becomes) => {
    expect(toCanonical(value)).toEqual({ text: canonicalize(becomes), encoding: 'lossy' });
  });

  test('what is used twice is no cycle', () => {
    const shared = { n: 1n };
    expect(toCanonical([shared, shared]).text).toBe('[{"n":"1"},{"n":"1"}]');
  });

  test('too deep', () => {
    const deep = Array.from({ length: 1000 }).reduce((inner) => ({ inner }), 1 as unknown);
    const { text, encoding } = toCanonical(deep);
    expect(encoding).toBe('lossy');
    expect(text).toContain('"[too deep]"');
    expect(canonicalize(JSON.parse(text))).toBe(text);
  });

  test.each<[string, () => unknown]>([
    ['an array', () => [1n, ...Array(300_000).fill(0)]],
    ['an object', () => ({ n: 1n, ...Object.fromEntries(Array.from({ length: 150_000 }, (_, i) => [`k${i}`, i])) })],
    ['a set', () => new Set(Array.from({ length: 300_000 }, (_, i) => i))],
    ['a map', () => new Map(Array.from({ length: 300_000 }, (_, i) => [i, i]))],
    ['an endless iterator', () => endless()],
    ['a wide tree', () => ({ n: 1n, tree: Array.from({ length: 1000 }, () => Array.from({ length: 1000 }, () => ({}))) })],
  ])('too large: %s', (_what, make) => {
    const { text, encoding } = toCanonical(make());
    expect(encoding).toBe('lossy');
    expect(text).toContain('[too large]');
    expect(text.length).toBeLessThan(3_000_000);
  });
});

/** A set whose iterator never ends. */
function endless(): Set<number> {
  return Object.assign(new Set<number>(), {
    *[Symbol.iterator]() {
      for (let i = 0; ; i++) yield i;
    },
  });
}

describe('toCanonical never throws', () => {
  const handlers: readonly ProxyHandler<object>[] = [
    { get: throwing },
    { ownKeys: throwing },
    { getPrototypeOf: throwing },
    { getOwnPropertyDescriptor: throwing },
    { has: throwing },
    { get: throwing, ownKeys: throwing, getPrototypeOf: throwing, getOwnPropertyDescriptor: throwing, has: throwing },
  ];
  const hostile: readonly (readonly [string, unknown])[] = [
    ...handlers.flatMap((handler, i) => [
      [`a proxy of an object that throws ${i}`, new Proxy({ a: 1n }, handler)] as const,
      [`a proxy of an array that throws ${i}`, new Proxy([1n], handler)] as const,
    ]),
    ['a revoked proxy', revoked()],
    ['an error whose name throws', Object.defineProperty(new Error('x'), 'name', { get: throwing })],
    ['an error whose message is a symbol', Object.assign(new Error('x'), { message: Symbol('x') })],
    ['an error whose name cannot be text', Object.assign(new Error('x'), { name: Object.create(null) })],
    ['a date that answers something else', Object.assign(new Date(0), { toISOString: () => 1n })],
    ['a boxed number that answers a cycle', Object.assign(Object(1), { valueOf: () => cycle })],
    ['a map whose iterator throws', Object.assign(new Map(), { [Symbol.iterator]: throwing })],
    ['a regular expression whose text throws', Object.assign(/x/, { toString: throwing })],
    ['an object whose tag throws', Object.defineProperty({ n: 1n }, Symbol.toStringTag, { get: throwing })],
    ['a detached buffer', detached()],
    ['an array as long as there can be', new Array(2 ** 32 - 1)],
  ];

  test.each(hostile)('at %s', (_what, value) => {
    for (const any of [value, [value], { value }]) {
      const { text, encoding } = toCanonical(any);
      expect(encoding).toBe('lossy');
      expect(canonicalize(JSON.parse(text))).toBe(text);
    }
  });

  test('at anything, and what it gives is canonical JSON: exact when the value is JSON, and only then', () => {
    const anything = fc.anything({
      ...{ withBigInt: true, withBoxedValues: true, withDate: true, withMap: true, withNullPrototype: true, withObjectString: true },
      ...{ withSet: true, withTypedArray: true, withSparseArray: true, withUnicodeString: true },
      values: [
        fc.integer(),
        fc.double(),
        fc.string({ unit: 'binary' }),
        fc.constant(undefined),
        fc.func(fc.integer()),
        fc.constant(Symbol('x')),
      ],
    });
    fc.assert(
      fc.property(anything, (any) => {
        const { text, encoding } = toCanonical(any);
        expect(canonicalize(JSON.parse(text))).toBe(text);
        expect(encoding).toBe(isStrict(any) ? 'json' : 'lossy');
        if (encoding === 'json') expect(text).toBe(canonicalize(any));
      }),
      { numRuns: 3000 },
    );
  });
});

function isStrict(value: unknown): boolean {
  try {
    canonicalize(value);
    return true;
  } catch {
    return false;
  }
}

function detached(): Uint8Array {
  const bytes = new Uint8Array(8);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}
