import { spansOfJson } from '@agent-custody/chain/otlp';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble, type Scanned, scanJson } from '../src/scan/index.js';
import { decode } from './scan-decode.js';

const scan = (request: unknown): Scanned => scanJson(Buffer.from(typeof request === 'string' ? request : JSON.stringify(request)));
const assembled = ({ spans, groups }: Scanned): unknown =>
  decode('request', assemble(spans.map((span) => ({ group: groups[span.group] as (typeof groups)[number], span: span.bytes }))));
const spanOf = (...attributes: unknown[]) => ({
  resourceSpans: [{ scopeSpans: [{ spans: [{ traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', attributes }] }] }],
});
/** The value that the view of a link has for an attribute with this AnyValue. */
const valueRead = (value: unknown) => scan(spanOf({ key: 'custody.link.kind', value })).spans[0]?.view.attributes[0]?.[1];
const badData = (message: RegExp) =>
  expect.objectContaining({ name: 'IntakeError', code: 'bad_data', message: expect.stringMatching(message) });

describe('an OTLP/JSON request', () => {
  it('keeps every field that OTLP names', () => {
    const attributes = [
      { key: 's', value: { stringValue: 'naïve \u{1d11e}' } },
      { key: 'b', value: { boolValue: false } },
      { key: 'i', value: { intValue: '-9223372036854775808' } },
      { key: 'd', value: { doubleValue: 0.1 } },
      { key: 'y', value: { bytesValue: '3q2+7w==' } },
      { key: 'a', value: { arrayValue: { values: [{ stringValue: 'x' }, { intValue: '1' }, {}] } } },
      {
        key: 'k',
        value: { kvlistValue: { values: [{ key: 'n', value: { arrayValue: { values: [{ boolValue: true }] } } }, { key: 'empty' }] } },
      },
      { key: 'none', value: {} },
      { key: 'absent' },
    ];
    const request = {
      resourceSpans: [
        {
          resource: {
            attributes,
            droppedAttributesCount: 1,
            entityRefs: [{ schemaUrl: 'u', type: 'service', idKeys: ['a', 'b'], descriptionKeys: ['c'] }],
          },
          scopeSpans: [
            {
              scope: { name: 'lib', version: '1.2', attributes, droppedAttributesCount: 2 },
              spans: [
                {
                  traceId: '0af7651916cd43dd8448eb211c80319c',
                  spanId: 'b7ad6b7169203331',
                  traceState: 'a=b',
                  parentSpanId: '00f067aa0ba902b7',
                  name: 'GET /',
                  kind: 2,
                  startTimeUnixNano: '1544712660000000123',
                  endTimeUnixNano: '1544712661000000456',
                  attributes,
                  droppedAttributesCount: 3,
                  events: [{ timeUnixNano: '1544712660500000001', name: 'e', attributes, droppedAttributesCount: 4 }],
                  droppedEventsCount: 5,
                  links: [
                    {
                      traceId: '1af7651916cd43dd8448eb211c80319c',
                      spanId: 'c7ad6b7169203331',
                      traceState: 'c=d',
                      attributes,
                      droppedAttributesCount: 6,
                      flags: 257,
                    },
                  ],
                  droppedLinksCount: 7,
                  status: { message: 'no', code: 2 },
                  flags: 4294967295,
                },
              ],
              schemaUrl: 'https://opentelemetry.io/schemas/1.37.0',
            },
          ],
          schemaUrl: 'https://opentelemetry.io/schemas/1.36.0',
        },
      ],
    };
    expect(assembled(scan(request))).toEqual(request);
  });

  it('ignores what OTLP does not name, and null', () => {
    const request = {
      future: 1,
      resourceSpans: [{ resource: null, x: {}, scopeSpans: [{ scope: { y: 1 }, spans: [{ name: 'n', status: null, snake_case: 1 }] }] }],
    };
    expect(assembled(scan(request))).toEqual({ resourceSpans: [{ scopeSpans: [{ scope: {}, spans: [{ name: 'n' }] }] }] });
  });

  it.each(['{}', '{"resourceSpans":[]}', '{"resourceSpans":null}', ' {"resourceSpans":[{}]}\n'])('%s is empty', (text) => {
    expect(scan(text)).toEqual({ spans: [], groups: [] });
  });

  it('takes ids in either case', () => {
    const [upper, lower] = ['0AF7651916CD43DD8448EB211C80319C', '0af7651916cd43dd8448eb211c80319c'];
    const { spans } = scan({ resourceSpans: [{ scopeSpans: [{ spans: [{ traceId: upper, spanId: 'B7AD6B7169203331' }] }] }] });
    expect(spans[0]?.view.traceId).toBe(lower);
    expect(spans[0]?.validIds).toBe(true);
  });

  it('takes an int64 and a time as a number or as a string', () => {
    const span = (start: unknown) => ({ resourceSpans: [{ scopeSpans: [{ spans: [{ startTimeUnixNano: start }] }] }] });
    expect(valueRead({ intValue: 5 })).toBe(5);
    expect(valueRead({ intValue: '5' })).toBe(5);
    expect(assembled(scan(span(1024)))).toEqual(assembled(scan(span('1024'))));
  });

  it('takes base64 in either alphabet, and doubles that JSON has no number for', () => {
    const request = spanOf(
      { key: 'a', value: { bytesValue: '-_8=' } },
      { key: 'b', value: { doubleValue: 'NaN' } },
      { key: 'c', value: { doubleValue: '-Infinity' } },
      { key: 'd', value: { doubleValue: '1.5e3' } },
    );
    expect(assembled(scan(request))).toMatchObject(
      spanOf(
        { key: 'a', value: { bytesValue: '+/8=' } },
        { key: 'b', value: { doubleValue: Number.NaN } },
        { key: 'c', value: { doubleValue: Number.NEGATIVE_INFINITY } },
        { key: 'd', value: { doubleValue: 1500 } },
      ),
    );
  });

  it('removes what an agent may not say', () => {
    const { spans } = scan(
      spanOf(
        { key: 'custody.link.status', value: { stringValue: 'linked' } },
        { key: 'custody.finding.code', value: { stringValue: 'x' } },
      ),
    );
    expect(spans[0]).toMatchObject({ isLinkClaim: false, attributeCount: 2 });
    expect(Buffer.from(spans[0]?.bytes ?? []).includes('custody.')).toBe(false);
  });
});

describe('an odd value in a link', () => {
  it.each<[string, unknown]>([
    ['an attribute without a value', undefined],
    ['a value that is null', null],
    ['a value without a member', {}],
    ['a value that is a bare string', 'x'],
    ['a value that is an array', [{ stringValue: 'x' }]],
    ['two members', { stringValue: 'x', intValue: 1 }],
    ['a stringValue that is no string', { stringValue: 5 }],
    ['a lone surrogate', { stringValue: '\ud800' }],
    ['an intValue with a fraction', { intValue: 1.5 }],
    ['an intValue with a plus', { intValue: '+1' }],
    ['an intValue with a leading zero', { intValue: '01' }],
    ['an intValue with a space', { intValue: ' 1' }],
    ['an intValue in hex', { intValue: '0x1' }],
    ['an empty intValue', { intValue: '' }],
    ['an intValue beyond 64 bits', { intValue: '9223372036854775808' }],
    ['an intValue that is a boolean', { intValue: true }],
    ['a boolean', { boolValue: true }],
    ['a double', { doubleValue: 1 }],
    ['bytes', { bytesValue: 'eA==' }],
    ['a kvlist', { kvlistValue: { values: [] } }],
    ['an array with an int', { arrayValue: { values: [{ intValue: 1 }] } }],
    ['an array with null', { arrayValue: { values: [null] } }],
    ['an array with a lone surrogate', { arrayValue: { values: [{ stringValue: 'a\udc00' }] } }],
    ['an array whose values are no array', { arrayValue: { values: { 0: 'x' } } }],
    ['an array that is a string', { arrayValue: 'x' }],
  ])('%s verifies as nothing', (_, value) => {
    expect(valueRead(value)).toEqual({ other: expect.any(String) });
  });

  it('an integer that a JSON number cannot hold exactly is shown as too large', () => {
    expect(valueRead({ intValue: 2 ** 53 })).toBe(2n ** 53n);
    expect(valueRead({ intValue: '9007199254740993' })).toBe(9007199254740993n);
  });

  it('is kept whole, as bytes of its JSON', () => {
    const [span] =
      (assembled(scan(spanOf({ key: 'k', value: { intValue: '01' } }))) as ReturnType<typeof spanOf>).resourceSpans[0]?.scopeSpans[0]
        ?.spans ?? [];
    const [attribute] = (span?.attributes ?? []) as { value: { bytesValue: string } }[];
    expect(Buffer.from(attribute?.value.bytesValue ?? '', 'base64').toString()).toBe('{"intValue":"01"}');
  });

  it.each([
    ['no hex', 'zz'],
    ['base64', 'CvdlGRbNQ92ESOshHIAxnA=='],
    ['an odd number of digits', 'abc'],
    ['nothing', ''],
  ])("a trace id that is %s is none, and the span's alone to answer for", (_, traceId) => {
    const { spans } = scan({ resourceSpans: [{ scopeSpans: [{ spans: [{ traceId, spanId: 'b7ad6b7169203331' }] }] }] });
    expect(spans[0]?.view.traceId).toBe('');
    expect(spans[0]?.validIds).toBe(false);
  });
});

describe('JSON that is no request', () => {
  const inSpan = (span: unknown) => ({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] });
  it.each<[string, unknown, RegExp]>([
    ['cut off', '{"resourceSpans":[', /not JSON/],
    ['nothing', '', /not JSON/],
    ['an array', [], /the request must be an object, not an array/],
    ['a string', '"x"', /the request must be an object, not a string/],
    ['resourceSpans as an object', { resourceSpans: {} }, /resourceSpans must be an array, not a object/],
    ['a span that is null', inSpan(null), /resourceSpans\.0\.scopeSpans\.0\.spans\.0 must be an object, not null/],
    ['a name that is a number', inSpan({ name: 5 }), /spans\.0\.name must be a string, not a number/],
    ['a trace id that is a number', inSpan({ traceId: 5 }), /spans\.0\.traceId must be an id in hex/],
    ['a parent id in base64', inSpan({ parentSpanId: 'APBnqgupArc=' }), /parentSpanId must be an id in hex/],
    ['a kind by name', inSpan({ kind: 'SPAN_KIND_SERVER' }), /kind must be an enum as an integer/],
    ['a negative time', inSpan({ startTimeUnixNano: '-1' }), /startTimeUnixNano must be Unix nanoseconds/],
    ['a count with a fraction', inSpan({ droppedEventsCount: 1.5 }), /droppedEventsCount must be an integer/],
    ['flags beyond 32 bits', inSpan({ flags: 2 ** 32 }), /flags must be an integer/],
    ['attributes as an object', inSpan({ attributes: { a: 1 } }), /attributes must be an array/],
    ['an attribute that is null', inSpan({ attributes: [null] }), /attributes\.0 must be an attribute/],
    ['a key that is a number', inSpan({ attributes: [{ key: 1 }] }), /attributes\.0 must be an attribute whose key is a string/],
    ['one member twice', '{"resourceSpans":[],"resourceSpans":[]}', /one member twice, at character 20/],
    [
      'one member twice, written differently',
      '{"resourceSpans":[{"scopeSpans":[{"spans":[{"spanId":"1","span\\u0049d":"2"}]}]}]}',
      /one member twice/,
    ],
    ['deeper than any decoder goes', '['.repeat(200) + ']'.repeat(200), /nested deeper|must be an object/],
  ])('%s is refused, saying what and where', (_, request, message) => {
    expect(() => scan(request)).toThrow(badData(message));
  });

  it('refuses nesting that would exhaust decoders further on', () => {
    let value: unknown = { stringValue: 'x' };
    for (let i = 0; i < 60; i++) value = { arrayValue: { values: [value] } };
    expect(() => scan(spanOf({ key: 'k', value }))).toThrow(badData(/nested deeper than 128/));
  });

  it('refuses bytes that are no UTF-8', () => {
    expect(() => scanJson(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).toThrow(badData(/not UTF-8/));
  });

  it('never quotes what was sent', () => {
    for (const text of [
      '{"secret-token',
      '{"a":"secret-token","a":1}',
      JSON.stringify(spanOf('secret-token')),
      '{"resourceSpans":"secret-token"}',
    ]) {
      expect(() => scan(text)).toThrow(expect.objectContaining({ message: expect.not.stringContaining('secret') }));
    }
  });

  it('tells members of different objects, and strings that look like members, apart', () => {
    const text = JSON.stringify(
      spanOf({ key: 'key', value: { stringValue: '"key": "key" : \\' } }, { key: 'key', value: { stringValue: '\\\\"' } }),
    );
    expect(scan(text).spans).toHaveLength(1);
  });
});

describe('the two readers of JSON', () => {
  // verify --file reads with the chain's reader, the collector with this one: a span must not verify in one and not in the other.
  const scalar = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 6 }),
    fc.maxSafeInteger(),
    fc.maxSafeInteger().map(String),
    fc.boolean(),
    fc.double(),
    fc.constantFrom(null, '01', '-0', '+1', '1e3', '99999999999999999999', 2 ** 53),
  );
  const one = fc
    .tuple(fc.constantFrom('stringValue', 'intValue', 'boolValue', 'doubleValue', 'bytesValue', 'unknownValue'), scalar)
    .map(([name, value]) => ({ [name]: value }));
  const anyValue = fc.oneof(
    one,
    scalar,
    fc.array(fc.oneof(one, scalar), { maxLength: 3 }).map((values) => ({ arrayValue: { values } })),
    fc.constantFrom({}, { arrayValue: {} }, { kvlistValue: {} }),
  );
  /** What a link may not hold is told apart in more ways than matter to a verdict. */
  const meaning = (value: unknown): unknown => {
    if (typeof value === 'bigint') return 'not a value';
    if (typeof value === 'string') return value.isWellFormed() ? value : 'not a value';
    if (Array.isArray(value)) return value.every((item: string) => item.isWellFormed()) ? value : 'not a value';
    return typeof value === 'object' ? 'not a value' : value;
  };

  it('agree on every value', () => {
    fc.assert(
      fc.property(fc.array(anyValue, { maxLength: 5 }), (values) => {
        const request = spanOf(...values.map((value) => ({ key: 'custody.link.kind', value })));
        const text = JSON.stringify(request);
        const theirs = spansOfJson(JSON.parse(text))[0]?.attributes.map(([, value]) => meaning(value));
        expect(scan(text).spans[0]?.view.attributes.map(([, value]) => meaning(value))).toEqual(theirs);
      }),
      { numRuns: 500 },
    );
  });
});
