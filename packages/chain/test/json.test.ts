import { describe, expect, test } from 'vitest';
import { ChainError, type WireValue } from '../src/index.js';
import { spansOfJson } from '../src/otlp/index.js';

const requestOf = (span: unknown): unknown => ({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] });
const readValue = (value: unknown): WireValue => {
  const [attribute] = spansOfJson(requestOf({ attributes: [{ key: 'k', value }] })).flatMap((span) => span.attributes);
  return (attribute as readonly [string, WireValue])[1];
};

describe('an attribute value in OTLP/JSON', () => {
  test.each<[string, unknown, WireValue]>([
    ['a string', { stringValue: 'x' }, 'x'],
    ['an empty string', { stringValue: '' }, ''],
    ['an int as a string', { intValue: '42' }, 42],
    ['an int as a number', { intValue: 42 }, 42],
    ['a negative int', { intValue: '-42' }, -42],
    ['zero', { intValue: '0' }, 0],
    ['minus zero is zero', { intValue: '-0' }, 0],
    ['minus zero as a number is zero', { intValue: -0 }, 0],
    ['2^53-1', { intValue: '9007199254740991' }, 9007199254740991],
    ['2^53', { intValue: '9007199254740992' }, 9007199254740992n],
    ['2^53 as a number', { intValue: 9007199254740992 }, { other: 'invalid_int' }],
    ['the lowest int64', { intValue: '-9223372036854775808' }, -9223372036854775808n],
    ['more digits than an int64 has', { intValue: '1'.repeat(400) }, { other: 'invalid_int' }],
    ['a fraction', { intValue: 1.5 }, { other: 'invalid_int' }],
    ['a fraction as a string', { intValue: '1.0' }, { other: 'invalid_int' }],
    ['an exponent as a string', { intValue: '1e3' }, { other: 'invalid_int' }],
    ['leading zeros', { intValue: '007' }, { other: 'invalid_int' }],
    ['a plus sign', { intValue: '+7' }, { other: 'invalid_int' }],
    ['white space', { intValue: ' 7' }, { other: 'invalid_int' }],
    ['a line break', { intValue: '7\n' }, { other: 'invalid_int' }],
    ['hexadecimal', { intValue: '0x7' }, { other: 'invalid_int' }],
    ['an empty int', { intValue: '' }, { other: 'invalid_int' }],
    ['an int that is a bool', { intValue: true }, { other: 'invalid_int' }],
    ['a bool', { boolValue: false }, { other: 'bool' }],
    ['a double', { doubleValue: 1 }, { other: 'double' }],
    ['bytes', { bytesValue: 'AA==' }, { other: 'bytes' }],
    ['a map', { kvlistValue: { values: [] } }, { other: 'kvlist' }],
    ['strings', { arrayValue: { values: [{ stringValue: 'a' }, { stringValue: '' }] } }, ['a', '']],
    ['no strings', { arrayValue: { values: [] } }, []],
    ['an array without values', { arrayValue: {} }, []],
    ['an array of nulls', { arrayValue: { values: null } }, []],
    ['an array with an int', { arrayValue: { values: [{ stringValue: 'a' }, { intValue: '1' }] } }, { other: 'array' }],
    ['an array with nothing', { arrayValue: { values: [{}] } }, { other: 'array' }],
    ['an array in an array', { arrayValue: { values: [{ arrayValue: { values: [] } }] } }, { other: 'array' }],
    ['an array that is none', { arrayValue: { values: 'x' } }, { other: 'array' }],
    ['no value', {}, { other: 'none' }],
    ['null', null, { other: 'none' }],
    ['undefined', undefined, { other: 'none' }],
    ['bare text', 'x', { other: 'none' }],
    ['a string that is an int', { stringValue: 7 }, { other: 'none' }],
  ])('%s', (_what, json, value) => {
    expect(readValue(json)).toEqual(value);
    expect(Object.is(readValue(json), -0)).toBe(false);
  });
});

describe('a span in OTLP/JSON', () => {
  test('has its ids in lower case, however they are written', () => {
    const [span] = spansOfJson(requestOf({ traceId: 'AB'.repeat(16), spanId: 'cD'.repeat(8) }));
    expect(span).toEqual({ traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8), attributes: [] });
  });

  test.each([undefined, null, '', 'xyz', 'q80=', `${'ab'.repeat(16)} `])('has no id where %j is none', (id) => {
    expect(spansOfJson(requestOf({ traceId: id, spanId: id }))).toEqual([{ traceId: '', spanId: '', attributes: [] }]);
  });

  test('keeps repeated keys repeated, in order', () => {
    const attributes = ['a', 'b', 'a'].map((key, i) => ({ key, value: { intValue: i } }));
    const expected = [
      ['a', 0],
      ['b', 1],
      ['a', 2],
    ];
    expect(spansOfJson(requestOf({ attributes }))[0]?.attributes).toEqual(expected);
  });

  test('may have a key that is missing or null', () => {
    const attributes = [{ value: { stringValue: 'x' } }, { key: null, value: { stringValue: 'y' } }];
    const expected = [
      ['', 'x'],
      ['', 'y'],
    ];
    expect(spansOfJson(requestOf({ attributes }))[0]?.attributes).toEqual(expected);
  });
});

describe('a request in OTLP/JSON', () => {
  test.each([
    ['nothing', {}],
    ['null resource spans', { resourceSpans: null }],
    ['null scope spans', { resourceSpans: [{ scopeSpans: null }] }],
    ['null spans', { resourceSpans: [{ scopeSpans: [{ spans: null }] }] }],
    ['empty arrays', { resourceSpans: [{ scopeSpans: [{ spans: [] }, {}] }, {}] }],
    ['unknown fields', { resourceSpans: [{ schemaUrl: 1, scopeSpans: [{ scope: 'x' }] }], extra: true }],
  ])('with %s has no spans', (_what, request) => {
    expect(spansOfJson(request)).toEqual([]);
  });

  test('gives its spans in order', () => {
    const span = (n: number): unknown => ({ spanId: `0${n}`, attributes: null, kind: 'x', events: [null] });
    const request = {
      resourceSpans: [{ scopeSpans: [{ spans: [span(1), span(2)] }, { spans: [span(3)] }] }, { scopeSpans: [{ spans: [span(4)] }] }],
    };
    expect(spansOfJson(request).map(({ spanId }) => spanId)).toEqual(['01', '02', '03', '04']);
  });

  test.each<[string, unknown, RegExp]>([
    ['null', null, /expected object/],
    ['text', '{"resourceSpans":[]}', /expected object/],
    ['an array', [], /expected object/],
    ['resource spans that are an object', { resourceSpans: {} }, /resourceSpans/],
    ['a null among them', { resourceSpans: [null] }, /resourceSpans\[0\]/],
    ['spans that are text', { resourceSpans: [{ scopeSpans: [{ spans: 'x' }] }] }, /resourceSpans\[0\]\.scopeSpans\[0\]\.spans/],
    ['a span that is a number', requestOf(7), /scopeSpans\[0\]\.spans\[0\]/],
    ['a trace id that is a number', requestOf({ traceId: 7 }), /spans\[0\]\.traceId/],
    ['attributes that are an object', requestOf({ attributes: { a: 1 } }), /spans\[0\]\.attributes/],
    ['a key that is a number', requestOf({ attributes: [{ key: 1 }] }), /attributes\[0\]\.key/],
  ])('is refused, naming the place, when it is or has %s', (_what, request, place) => {
    const read = (): unknown => spansOfJson(request);
    expect(read).toThrow(ChainError);
    expect(read).toThrow(expect.objectContaining({ code: 'invalid_otlp', message: expect.stringMatching(place) }));
  });
});
