import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import type { AttributeValue } from '../src/index.js';
import { encodeRequest, type SpanRecord } from '../src/otlp/index.js';
import { bytesOf, type Field, fieldsOf, hexOf, intOf, textOf } from './protobuf.js';

vi.setConfig({ testTimeout: 60_000 });

// Field numbers of opentelemetry/proto/{trace,common,resource}/v1, collector/trace/v1.
const only = (list: readonly Uint8Array[]): Field[] => {
  if (list.length !== 1) throw new Error(`expected one, got ${list.length}`);
  return fieldsOf(list[0] as Uint8Array);
};

function anyValueOf(any: readonly Field[]): AttributeValue {
  if (any.length !== 1) throw new Error(`an AnyValue of ${any.length} fields`);
  const text = textOf(any, 1);
  if (text !== undefined) return text;
  const int = intOf(any, 3);
  if (int !== undefined) return Number(BigInt.asIntN(64, int));
  return bytesOf(only(bytesOf(any, 5)), 1).map((item) => anyValueOf(fieldsOf(item)) as string);
}

const attributesOf = (message: readonly Field[], no: number): [string, AttributeValue][] =>
  bytesOf(message, no).map((bytes) => {
    const pair = fieldsOf(bytes);
    return [textOf(pair, 1) as string, anyValueOf(only(bytesOf(pair, 2)))];
  });

function spanOf(bytes: Uint8Array): SpanRecord {
  const span = fieldsOf(bytes);
  expect(intOf(span, 6)).toBe(1n); // SPAN_KIND_INTERNAL
  const [status] = bytesOf(span, 15).map(fieldsOf);
  const message = status && textOf(status, 2);
  return {
    traceId: hexOf(span, 1),
    spanId: hexOf(span, 2),
    parentSpanId: hexOf(span, 4),
    name: textOf(span, 5) as string,
    startNs: intOf(span, 7) as bigint,
    endNs: intOf(span, 8) as bigint,
    attributes: Object.fromEntries(attributesOf(span, 9)),
    ...(status && { statusCode: Number(intOf(status, 3)) as 1 | 2 }),
    ...(message !== undefined && { statusMessage: message }),
  };
}

interface Decoded {
  readonly resource: Readonly<Record<string, AttributeValue>>;
  readonly scope: { readonly name: string; readonly version?: string };
  readonly spans: readonly SpanRecord[];
}

function decode(request: Uint8Array): Decoded[] {
  return bytesOf(fieldsOf(request), 1).map((bytes) => {
    const resourceSpans = fieldsOf(bytes);
    const scopeSpans = only(bytesOf(resourceSpans, 2));
    const scope = only(bytesOf(scopeSpans, 1));
    const version = textOf(scope, 2);
    return {
      resource: Object.fromEntries(attributesOf(only(bytesOf(resourceSpans, 1)), 1)),
      scope: { name: textOf(scope, 1) as string, ...(version !== undefined && { version }) },
      spans: bytesOf(scopeSpans, 2).map(spanOf),
    };
  });
}

const hex = (length: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Buffer.from(bytes).toString('hex'));
const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }).map((any) => any.toWellFormed()),
  fc.constant(''),
);
const value: fc.Arbitrary<AttributeValue> = fc.oneof(
  text,
  fc.maxSafeInteger(),
  fc.integer({ min: -300, max: 300 }),
  fc.array(text, { maxLength: 4 }),
);
const key = text.filter((any) => any !== '__proto__');
const attributes = fc.dictionary(key, value, { maxKeys: 8 }).map((any) => ({ ...any }));
const nanoseconds = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const record: fc.Arbitrary<SpanRecord> = fc.record(
  {
    traceId: hex(16),
    spanId: hex(8),
    parentSpanId: fc.oneof(fc.constant(''), hex(8)),
    name: text,
    startNs: nanoseconds,
    endNs: nanoseconds,
    attributes,
    statusCode: fc.constantFrom(1 as const, 2 as const),
  },
  { requiredKeys: ['traceId', 'spanId', 'parentSpanId', 'name', 'startNs', 'endNs', 'attributes'], noNullPrototype: true },
);
const scope = { name: '@agent-custody/instrumentation', version: '0.1.0' };

const plain: SpanRecord = {
  traceId: 'ab'.repeat(16),
  spanId: 'cd'.repeat(8),
  parentSpanId: '',
  name: 'x',
  startNs: 1n,
  endNs: 2n,
  attributes: {},
};

describe('an encoded request', () => {
  test('holds exactly the spans, the resource and the scope that it was given', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 4 }), attributes, text, (spans, resource, name) => {
        expect(decode(encodeRequest(spans, resource, { name }))).toEqual([{ resource, scope: { name }, spans }]);
      }),
      { numRuns: 500 },
    );
  });

  test.each([0, 1, 2, 41, 42, 43, 125, 126, 127, 128, 129, 5460, 5461, 5462, 16_382, 16_383, 16_384, 16_385, 70_000, 2_097_152])(
    'is right for text of %i letters, of one, two, three and four bytes each',
    (length) => {
      for (const letter of ['a', 'é', '€', '😀']) {
        const long = letter.repeat(length);
        const span = { ...plain, name: long, attributes: { [`k${long}`]: long, list: [long, '', long] } };
        const [request] = decode(encodeRequest([span], { long }, scope));
        // Compared as a whole: a difference of megabytes is not worth printing.
        expect(isDeepStrictEqual(request, { resource: { long }, scope, spans: [span] })).toBe(true);
      }
    },
  );

  test('is right wherever its buffer has to grow', () => {
    // Short texts up to and past every size that the buffer can have, shifted byte by byte.
    for (let shift = 0; shift < 16; shift++) {
      const span = {
        ...plain,
        name: 'n'.repeat(shift),
        attributes: { list: Array.from({ length: 2000 }, (_, i) => (i % 3 === 0 ? '' : 'a')) },
      };
      expect(decode(encodeRequest([span], {}, scope))[0]?.spans).toEqual([span]);
    }
  });

  test('is right for attributes of every length up to those that take two bytes to tell, ASCII or not', () => {
    for (const last of ['a', 'é', '']) {
      for (let length = 0; length < 136; length++) {
        const own: Record<string, AttributeValue> = { first: 'short', count: length };
        for (const keyLength of [1, 40, 120, 121, 122]) own[`${'k'.repeat(keyLength - 1)}x`] = `${'v'.repeat(length)}${last}`;
        own['n'.repeat(length + 1)] = 1;
        const span = { ...plain, attributes: own };
        expect(decode(encodeRequest([span], {}, scope))[0]?.spans).toEqual([span]);
      }
    }
  });

  test.each([0, 1, 127, 128, 16_384, 2 ** 31, 2 ** 32, 2 ** 53 - 1, -1, -128, -(2 ** 31), -(2 ** 53 - 1)])(
    'is right for the int %i',
    (int) => {
      expect(decode(encodeRequest([{ ...plain, attributes: { int } }], {}, scope))[0]?.spans[0]?.attributes).toEqual({ int });
    },
  );

  test('carries a status and its message', () => {
    const failed = { ...plain, statusCode: 2 as const, statusMessage: 'integrity: gap 😀' };
    expect(decode(encodeRequest([failed], {}, scope))[0]?.spans).toEqual([failed]);
    expect(decode(encodeRequest([{ ...plain, statusCode: 0 }], {}, scope))[0]?.spans).toEqual([plain]);
  });

  test('laid behind another one is one request with the spans of both', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 2 }), fc.array(record, { maxLength: 2 }), (one, two) => {
        const both = Buffer.concat([encodeRequest(one, { a: 1 }, scope), encodeRequest(two, { b: 2 }, { name: 'other' })]);
        expect(decode(both)).toEqual([
          { resource: { a: 1 }, scope, spans: one },
          { resource: { b: 2 }, scope: { name: 'other' }, spans: two },
        ]);
      }),
      { numRuns: 100 },
    );
  });
});
