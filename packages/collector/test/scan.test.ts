import { ATTR, isRelevantKey } from '@agent-custody/chain';
import { describe, expect, it } from 'vitest';
import { scanRequest } from '../src/scan/index.js';
import {
  any,
  attribute,
  concat,
  field,
  fixed32,
  fixed64,
  IDS,
  keyValue,
  overlong,
  requestOf,
  requestWith,
  SPAN_ID,
  TRACE_ID,
  tag,
  varint,
  varintBytes,
} from './scan-bytes.js';

const badData = (message: RegExp) =>
  expect.objectContaining({ name: 'IntakeError', code: 'bad_data', message: expect.stringMatching(message) });
const only = (body: Uint8Array) => {
  const { spans } = scanRequest(body);
  expect(spans).toHaveLength(1);
  return spans[0] as (typeof spans)[number];
};
const valueRead = (...values: Uint8Array[]) =>
  only(requestWith(field(9, keyValue('custody.link.kind', ...values)))).view.attributes[0]?.[1];

describe('what a view holds', () => {
  it('has the ids in hex and the relevant attributes in order, and no others', () => {
    const { view, isLinkClaim, attributeCount, validIds } = only(
      requestWith(
        attribute('custody.link.seq', any.int(7)),
        attribute('http.request.method', any.string('GET')),
        attribute('gen_ai.tool.name', any.string('send_email')),
        attribute('gen_ai.request.model', any.string('m')),
        attribute('custody.fingerprint.changed', any.array(any.string('memory'), any.string('tools'))),
      ),
    );
    expect(view.traceId).toBe(TRACE_ID.toString('hex'));
    expect(view.spanId).toBe(SPAN_ID.toString('hex'));
    expect(view.attributes).toEqual([
      ['custody.link.seq', 7],
      ['gen_ai.tool.name', 'send_email'],
      ['custody.fingerprint.changed', ['memory', 'tools']],
    ]);
    expect({ isLinkClaim, attributeCount, validIds }).toEqual({ isLinkClaim: true, attributeCount: 5, validIds: true });
  });

  it('finds exactly the keys that the verifier looks at', () => {
    const near = [
      'custody',
      'custody.',
      'custody.x',
      'Custody.link.seq',
      'gen_ai.tool',
      'gen_ai.tool.names',
      'error',
      'error.types',
      'error.message',
      'c',
      '',
    ];
    const keys = [...new Set([...Object.values(ATTR), ...near])].filter(
      (key) => key !== ATTR.status && !/^custody\.(finding|verdict|register)\./.test(key),
    );
    const { view } = only(requestWith(...keys.map((key) => attribute(key, any.string('v')))));
    expect(view.attributes.map(([key]) => key)).toEqual(keys.filter(isRelevantKey));
  });

  it('keeps a repeated key repeated, in wire order', () => {
    const { view } = only(requestWith(attribute('custody.link.seq', any.int(1)), attribute('custody.link.seq', any.int(2))));
    expect(view.attributes).toEqual([
      ['custody.link.seq', 1],
      ['custody.link.seq', 2],
    ]);
  });

  it.each([
    ['custody.link.seq', true],
    ['custody.link.', true],
    ['custody.link.status', false],
    ['custody.link.status2', true],
    ['custody.action.id', false],
    ['gen_ai.agent.id', false],
  ])('a span with %s claims to be a link: %s', (key, claim) => {
    expect(only(requestWith(attribute(key, any.string('x')))).isLinkClaim).toBe(claim);
  });

  it('shows the attributes of a span that is no link to whoever asks', () => {
    const { view, isLinkClaim } = only(
      requestWith(attribute('gen_ai.agent.name', any.string('shop')), attribute('error.type', field(1, ''))),
    );
    expect(isLinkClaim).toBe(false);
    expect(view.traceId).toBe(TRACE_ID.toString('hex'));
    expect(view.attributes).toEqual([
      ['gen_ai.agent.name', 'shop'],
      ['error.type', ''],
    ]);
  });
});

describe('values', () => {
  it.each<[string, Uint8Array, unknown]>([
    ['a string', any.string('naïve ✓ 𝄞'), 'naïve ✓ 𝄞'],
    ['a string that begins with U+FEFF', any.string('\ufeffx'), '\ufeffx'],
    ['a string with NUL', any.string('a\0b'), 'a\0b'],
    ['an empty string', any.string(''), ''],
    ['invalid UTF-8', any.string(Buffer.from([0x61, 0xff])), { other: 'invalid_utf8' }],
    ['a surrogate in UTF-8', any.string(Buffer.from([0xed, 0xa0, 0x80])), { other: 'invalid_utf8' }],
    ['an over-long UTF-8 "/"', any.string(Buffer.from([0xc0, 0xaf])), { other: 'invalid_utf8' }],
    ['0', any.int(0), 0],
    ['-1', any.int(-1), -1],
    ['2^28', any.int(2 ** 28), 2 ** 28],
    ['2^53-1', any.int(2n ** 53n - 1n), Number.MAX_SAFE_INTEGER],
    ['-(2^53-1)', any.int(-(2n ** 53n) + 1n), Number.MIN_SAFE_INTEGER],
    ['2^53, which a number cannot tell from 2^53+1', any.int(2n ** 53n), 2n ** 53n],
    ['the largest int64', any.int(2n ** 63n - 1n), 2n ** 63n - 1n],
    ['the smallest int64', any.int(-(2n ** 63n)), -(2n ** 63n)],
    ['a double', any.double(1), { other: 'double' }],
    ['a bool', any.bool(true), { other: 'bool' }],
    ['bytes', any.bytes(Buffer.from('x')), { other: 'bytes' }],
    ['a kvlist', any.kvlist(keyValue('a', any.string('b'))), { other: 'kvlist' }],
    ['no value at all', Buffer.alloc(0), { other: 'none' }],
    ['an array of strings', any.array(any.string('a'), any.string('é')), ['a', 'é']],
    ['an empty array', any.array(), []],
    ['an array with an int', any.array(any.string('a'), any.int(1)), { other: 'array' }],
    ['an array with an empty value', any.array(any.string('a'), Buffer.alloc(0)), { other: 'array' }],
    ['an array in an array', any.array(any.array(any.string('a'))), { other: 'array' }],
    ['an array with a string twice in one element', any.array(concat(any.string('a'), any.string('b'))), { other: 'array' }],
    ['an array with invalid UTF-8', any.array(any.string(Buffer.from([0xff]))), { other: 'array' }],
    ['an array with an unknown field', field(5, field(1, any.string('a')), varint(9, 1)), { other: 'array' }],
    ['an array longer than any link has', any.array(...Array.from({ length: 5000 }, () => any.string(''))), { other: 'array' }],
  ])('reads %s', (_, value, expected) => {
    expect(valueRead(value)).toEqual(expected);
  });

  it('reads a KeyValue without a value as none', () => {
    expect(valueRead()).toEqual({ other: 'none' });
  });
});

describe('what protobuf allows and no encoder writes', () => {
  it.each<[string, Uint8Array[], unknown]>([
    ['the last member of the oneof wins', [concat(any.string('a'), any.int(5))], 5],
    ['the last member wins, whatever came before', [concat(any.int(5), any.bool(true))], { other: 'bool' }],
    ['a value given twice is merged: the last wins', [any.string('a'), any.string('b')], 'b'],
    ['a value given again without content is no value, as decoders disagree', [any.string('a'), Buffer.alloc(0)], { other: 'none' }],
    [
      'an array given twice is no list of strings, as decoders disagree',
      [concat(any.array(any.string('a')), any.array(any.string('b')))],
      { other: 'array' },
    ],
    ['nor is one over two values', [any.array(any.string('a')), any.array(any.string('b'))], { other: 'array' }],
    ['a field that OTLP may add to the values is no value', [concat(any.string('a'), varint(8, 1))], { other: 'none' }],
    ['an over-long length', [concat(tag(1, 2), overlong(1, 3), Buffer.from('a'))], 'a'],
    ['an over-long tag', [concat(overlong(0x0a, 5), Buffer.from([1]), Buffer.from('a'))], 'a'],
    ['an over-long int', [concat(tag(3, 0), overlong(5, 9))], 5],
  ])('%s', (_, values, expected) => {
    expect(valueRead(...values)).toEqual(expected);
  });

  it('decides the identity on the last of two ids, as every decoder does', () => {
    const other = Buffer.alloc(16, 7);
    const { view } = only(
      requestOf(
        concat(
          field(1, TRACE_ID),
          field(2, Buffer.alloc(8, 1)),
          attribute('custody.link.seq', any.int(1)),
          field(2, SPAN_ID),
          field(1, other),
        ),
      ),
    );
    expect(view.traceId).toBe(other.toString('hex'));
    expect(view.spanId).toBe(SPAN_ID.toString('hex'));
  });

  it('takes the last of two keys', () => {
    const hidden = concat(field(1, 'note'), field(2, any.int(3)), field(1, 'custody.link.seq'));
    const shown = concat(field(1, 'custody.link.seq'), field(2, any.int(4)), field(1, 'note'));
    const { view, isLinkClaim } = only(requestWith(field(9, hidden), field(9, shown)));
    expect(view.attributes).toEqual([['custody.link.seq', 3]]);
    expect(isLinkClaim).toBe(true);
  });

  it('takes a value before its key', () => {
    expect(only(requestWith(field(9, concat(field(2, any.int(3)), field(1, 'custody.link.seq'))))).view.attributes).toEqual([
      ['custody.link.seq', 3],
    ]);
  });

  it('reads a key of more than 127 bytes', () => {
    const key = `custody.link.${'x'.repeat(300)}`;
    expect(only(requestWith(attribute(key, any.int(1)))).view.attributes).toEqual([[key, 1]]);
  });

  it('reads a key that is no UTF-8 as one that no link may have', () => {
    const [attributeRead] = only(requestWith(attribute(concat(Buffer.from('custody.link.seq'), Buffer.from([0xff])), any.int(1)))).view
      .attributes;
    expect(attributeRead).toEqual(['custody.link.seq\ufffd', 1]);
  });

  it('takes requests laid end to end as one, and none as empty', () => {
    const body = concat(requestWith(attribute('custody.link.seq', any.int(1))), requestWith(attribute('custody.link.seq', any.int(2))));
    expect(scanRequest(body).spans.map((span) => span.view.attributes)).toEqual([[['custody.link.seq', 1]], [['custody.link.seq', 2]]]);
    expect(scanRequest(new Uint8Array(0))).toEqual({ spans: [], groups: [] });
  });

  it('passes over unknown fields of every kind, at every level', () => {
    const unknown = concat(varint(99, 2n ** 64n - 1n), fixed64(98, 1n), fixed32(97, 1), field(96, 'x'));
    const span = concat(IDS, unknown, field(9, keyValue('custody.link.seq', any.int(1)), unknown));
    const body = concat(unknown, field(1, unknown, field(2, unknown, field(2, span), unknown)), unknown);
    expect(scanRequest(body).spans.map((each) => each.view.attributes)).toEqual([[['custody.link.seq', 1]]]);
  });

  it('scans spans under the old name of scope_spans too, so that none goes by unverified', () => {
    const { spans, groups } = scanRequest(
      field(1, field(1000, field(1, field(1, 'lib')), field(2, IDS, attribute('custody.link.seq', any.int(1))))),
    );
    expect(spans.map((span) => span.isLinkClaim)).toEqual([true]);
    expect(groups).toHaveLength(1);
  });
});

describe('ids', () => {
  it.each<[string, Uint8Array, Uint8Array]>([
    ['a short trace id', TRACE_ID.subarray(1), SPAN_ID],
    ['a long trace id', concat(TRACE_ID, Buffer.from([1])), SPAN_ID],
    ['a trace id of zeros', Buffer.alloc(16), SPAN_ID],
    ['a short span id', TRACE_ID, SPAN_ID.subarray(1)],
    ['a span id of zeros', TRACE_ID, Buffer.alloc(8)],
    ['no ids', Buffer.alloc(0), Buffer.alloc(0)],
  ])('%s stays as it is, and is told', (_, traceId, spanId) => {
    const { view, validIds } = only(requestOf(concat(field(1, traceId), field(2, spanId), attribute('custody.link.seq', any.int(1)))));
    expect(view.traceId).toBe(Buffer.from(traceId).toString('hex'));
    expect(view.spanId).toBe(Buffer.from(spanId).toString('hex'));
    expect(validIds).toBe(false);
  });
});

describe('bytes that are no request', () => {
  const span = (...fields: Uint8Array[]) => requestWith(...fields);
  it.each<[string, Uint8Array, RegExp]>([
    ['text', Buffer.from('{"resourceSpans":[]}'), /wire type 3/],
    ['a tag cut off', Buffer.from([0x8a]), /cut off/],
    ['a length cut off', Buffer.from([0x0a, 0x80]), /cut off/],
    ['a length past the end', Buffer.from([0x0a, 5, 1]), /past the end/],
    ['a length past the end of its message', field(1, Buffer.from([0x12, 4]), Buffer.alloc(0)), /past the end/],
    ['a length of 2^32', concat(tag(1, 2), varintBytes(2n ** 32n)), /beyond 32 bits/],
    [
      'a tag of more than 32 bits, which some decoders wrap',
      span(concat(varintBytes(2n ** 32n * 8n + 0x0an), Buffer.from([0]))),
      /beyond 32 bits/,
    ],
    ['a tag of more than five bytes', span(concat(overlong(0x4a, 6), Buffer.from([0]))), /beyond 32 bits/],
    ['field number 0', span(Buffer.from([0x02, 0])), /number 0/],
    ['a group', span(concat(tag(99, 3), tag(99, 4))), /wire type 3/],
    ['the end of a group', span(tag(99, 4)), /wire type 4/],
    ['wire type 6', span(tag(99, 6)), /wire type 6/],
    ['wire type 7', span(tag(99, 7)), /wire type 7/],
    ['a fixed64 cut off', span(concat(tag(7, 1), Buffer.alloc(4))), /cut off/],
    ['a fixed32 cut off', span(concat(tag(16, 5), Buffer.alloc(3))), /cut off/],
    ['a varint of eleven bytes', span(concat(tag(6, 0), Buffer.alloc(10, 0x80), Buffer.from([0]))), /beyond 64 bits/],
    ['a varint beyond 64 bits', span(concat(tag(6, 0), Buffer.alloc(9, 0xff), Buffer.from([2]))), /beyond 64 bits/],
    ['a trace id as a varint', span(varint(1, 5)), /field 1 has wire type 0, not 2/],
    ['attributes as a fixed64', span(fixed64(9, 1n)), /field 9 has wire type 1, not 2/],
    ['resource spans as a varint', varint(1, 1), /field 1 has wire type 0, not 2/],
    ['a key as a varint', span(field(9, varint(1, 1))), /field 1 has wire type 0, not 2/],
    ['a value of a link as a fixed32', span(field(9, field(1, 'custody.link.seq'), fixed32(2, 1))), /field 2 has wire type 5, not 2/],
    ['a string of a link cut off', span(field(9, field(1, 'custody.link.seq'), field(2, Buffer.from([0x0a, 9])))), /past the end/],
    ['a string of a link as a varint', span(attribute('custody.link.seq', varint(1, 1))), /field 1 has wire type 0, not 2/],
    [
      'an attribute with very many values',
      span(field(9, keyValue('custody.link.seq', ...Array.from({ length: 17 }, () => any.int(1))))),
      /too many values/,
    ],
    [
      'a message in very many pieces',
      field(1, ...Array.from({ length: 10_002 }, () => concat(varint(99, 1), field(2)))),
      /too many pieces/,
    ],
  ])('refuses %s', (_, body, message) => {
    expect(() => scanRequest(body)).toThrow(badData(message));
  });

  it('names the byte', () => {
    expect(() => scanRequest(concat(requestOf(), Buffer.from([0x0a, 5, 1])))).toThrow(
      badData(new RegExp(`at byte ${requestOf().length + 1} `)),
    );
  });

  it('never fails on bytes cut at any place, but by saying so', () => {
    const body = requestWith(
      attribute('custody.link.seq', any.int(300)),
      attribute('x', any.double(1)),
      fixed64(7, 1n),
      fixed32(16, 1),
      field(11, field(2, 'e')),
    );
    for (let length = 1; length < body.length; length++) {
      expect(() => scanRequest(body.subarray(0, length))).toThrow(badData(/./));
    }
  });

  it('shows an unreadable value on a span that is no link as none', () => {
    const { view } = only(requestWith(attribute('gen_ai.agent.name', Buffer.from([0x0a, 9]))));
    expect(view.attributes).toEqual([['gen_ai.agent.name', { other: 'none' }]]);
  });
});

describe('limits', () => {
  it('refuses more spans than allowed', () => {
    expect(() => scanRequest(requestOf(IDS, IDS, IDS), { spans: 2 })).toThrow(expect.objectContaining({ code: 'too_many_spans' }));
    expect(scanRequest(requestOf(IDS, IDS), { spans: 2 }).spans).toHaveLength(2);
  });

  it('counts attributes beyond the limit without keeping them', () => {
    const attributes = Array.from({ length: 100 }, (_, i) => attribute('custody.link.seq', any.int(i)));
    const { spans } = scanRequest(requestWith(...attributes), { attributesPerSpan: 10 });
    expect(spans[0]?.attributeCount).toBe(100);
    expect(spans[0]?.view.attributes.length).toBeLessThanOrEqual(10);
  });

  it('makes no group of what has no spans', () => {
    expect(scanRequest(concat(field(1), field(1, field(2)), field(1, field(2, field(1, field(1, 'lib'))))))).toEqual({
      spans: [],
      groups: [],
    });
  });
});
