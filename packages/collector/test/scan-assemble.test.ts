import { ATTR, LINK_STATUSES } from '@agent-custody/chain';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble, type ForwardPart, type Scanned, scanRequest } from '../src/scan/index.js';
import { any, attribute, concat, field, fixed32, fixed64, IDS, keyValue, requestOf, requestWith, varint } from './scan-bytes.js';
import { decode, type FlatSpan, flatten } from './scan-decode.js';

const partsOf = ({ spans, groups }: Scanned, status?: ForwardPart['status']): ForwardPart[] =>
  spans.map((span) => ({ group: groups[span.group] as ForwardPart['group'], span: span.bytes, status }));

const RESERVED = [
  ATTR.status,
  ATTR.findingCode,
  ATTR.findingDetail,
  'custody.finding.',
  'custody.finding.future',
  ATTR.verdictIntegrity,
  'custody.verdict.',
  ATTR.registerBy,
];

describe('what an agent may not say', () => {
  it.each(RESERVED)('%s is removed from a span, wherever it stands, and from the view', (key) => {
    const forged = attribute(key, any.string('linked'));
    const honest = attribute('custody.link.seq', any.int(1));
    const { spans } = scanRequest(requestOf(concat(forged, IDS, forged, forged, honest, field(5, 'name'), forged)));
    expect(Buffer.from(spans[0]?.bytes ?? [])).toEqual(concat(IDS, honest, field(5, 'name')));
    expect(spans[0]?.view.attributes).toEqual([['custody.link.seq', 1]]);
  });

  it.each(RESERVED)('%s is removed however its KeyValue is written', (key) => {
    const shapes = [
      concat(field(2, any.string('linked')), field(1, key)),
      concat(field(1, 'note'), field(2, any.string('linked')), field(1, key)),
      field(1, key),
      concat(varint(99, 1), keyValue(key, any.string('linked'))),
      keyValue(key, any.string('broken'), any.string('linked')),
    ];
    const { spans } = scanRequest(requestWith(...shapes.map((shape) => field(9, shape))));
    expect(Buffer.from(spans[0]?.bytes ?? [])).toEqual(IDS);
  });

  it('is removed from spans that are no links too', () => {
    const { spans } = scanRequest(requestWith(attribute(ATTR.status, any.string('linked')), attribute('x', any.int(1))));
    expect(spans[0]).toMatchObject({ isLinkClaim: false, attributeCount: 2 });
    expect(Buffer.from(spans[0]?.bytes ?? [])).toEqual(concat(IDS, attribute('x', any.int(1))));
  });

  it('is removed from resource and scope, where a query without a scope would find it', () => {
    const forged = keyValue(ATTR.status, any.string('linked'));
    const service = field(1, keyValue('service.name', any.string('shop')));
    const body = field(
      1,
      field(1, field(1, forged), service, varint(2, 3)),
      field(2, field(1, field(1, 'lib'), field(3, forged), field(2, '1.0')), field(2, IDS)),
      field(3, 'url'),
    );
    const { groups } = scanRequest(body);
    expect(Buffer.from(groups[0]?.resource ?? [])).toEqual(concat(field(1, service, varint(2, 3)), field(3, 'url')));
    expect(Buffer.from(groups[0]?.scope ?? [])).toEqual(field(1, field(1, 'lib'), field(2, '1.0')));
  });

  it('leaves a key alone that only looks like it', () => {
    const near = ['custody.link.statuses', 'custody.finding', 'custody.findings.code', 'custody.verdict', 'Custody.link.status'].map(
      (key) => attribute(key, any.string('x')),
    );
    expect(Buffer.from(scanRequest(requestWith(...near)).spans[0]?.bytes ?? [])).toEqual(concat(IDS, ...near));
  });
});

describe('assemble', () => {
  it.each(LINK_STATUSES)('splices in custody.link.status = %s, once, and changes nothing else', (status) => {
    const body = requestWith(
      attribute('custody.link.seq', any.int(1)),
      attribute(ATTR.status, any.string('linked')),
      field(5, 'intent send_email'),
    );
    const [span] = flatten(assemble(partsOf(scanRequest(body), status)));
    expect(span?.fields.slice(0, -1)).toEqual(
      flatten(requestWith(attribute('custody.link.seq', any.int(1)), field(5, 'intent send_email')))[0]?.fields,
    );
    expect(span?.fields.at(-1)).toBe(attribute(ATTR.status, any.string(status)).toString('hex'));
  });

  it('leaves a span without a status as it came', () => {
    const body = requestWith(field(5, 'GET /'), attribute('x', any.double(0.5)));
    expect(Buffer.from(assemble(partsOf(scanRequest(body))))).toEqual(body);
  });

  it('makes an empty request of nothing', () => {
    expect(assemble([])).toHaveLength(0);
  });

  it('brings spans of equal resource and scope together, from whatever request', () => {
    const parts = [requestWith(field(5, 'a')), requestWith(field(5, 'b')), field(1, field(2, field(2, IDS)))].flatMap((body) =>
      partsOf(scanRequest(body)),
    );
    const request = decode('request', assemble(parts)) as { resourceSpans: { scopeSpans: { spans: { name?: string }[] }[] }[] };
    expect(request.resourceSpans.map(({ scopeSpans }) => scopeSpans.map(({ spans }) => spans.map(({ name }) => name)))).toEqual([
      [['a', 'b']],
      [[undefined]],
    ]);
  });

  it('writes lengths right at every size of a varint', () => {
    for (const size of [0, 90, 126, 127, 128, 16_300, 16_383, 16_384, 2_097_152]) {
      const body = requestWith(field(5, 'x'.repeat(size)));
      const spans = flatten(assemble(partsOf(scanRequest(body), 'broken')));
      expect(spans[0]?.fields[2]).toBe(field(5, 'x'.repeat(size)).toString('hex'));
      expect(spans[0]?.fields).toHaveLength(4);
    }
  });

  it('makes a request that scans to the same spans again', () => {
    const first = scanRequest(requestWith(attribute('custody.link.seq', any.int(1))));
    const again = scanRequest(assemble(partsOf(first, 'held')));
    expect(again.spans.map(({ view, bytes }) => [view.attributes, Buffer.from(bytes)])).toEqual(
      first.spans.map(({ view, bytes }) => [view.attributes, Buffer.from(bytes)]),
    );
  });
});

describe('any request', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 12 });
  const bytes = fc.uint8Array({ maxLength: 20 });
  const unknown = fc.oneof(
    fc
      .tuple(fc.integer({ min: 17, max: 900 }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }))
      .map(([number, value]) => varint(number, value)),
    fc.tuple(fc.integer({ min: 17, max: 900 }), bytes).map(([number, value]) => field(number, value)),
    fc.integer({ min: 17, max: 900 }).map((number) => fixed64(number, 5n)),
    fc.integer({ min: 17, max: 900 }).map((number) => fixed32(number, 5)),
  );
  const { anyValue } = fc.letrec<{ anyValue: Buffer }>((tie) => ({
    anyValue: fc.oneof(
      { maxDepth: 2 },
      text.map(any.string),
      bytes.map(any.string),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(any.int),
      fc.boolean().map(any.bool),
      fc.double().map(any.double),
      bytes.map(any.bytes),
      fc.array(tie('anyValue'), { maxLength: 3 }).map((items) => any.array(...items)),
      fc
        .array(fc.tuple(text, tie('anyValue')), { maxLength: 3 })
        .map((entries) => any.kvlist(...entries.map(([key, value]) => keyValue(key, value)))),
    ),
  }));
  const key = fc.oneof(
    fc.constantFrom(...Object.values(ATTR), ...RESERVED),
    text,
    text.map((tail) => `custody.${tail}`),
  );
  /** A KeyValue in the usual form and in others, and whether a collector must remove it. */
  const keyValueField = (number: number) =>
    fc.tuple(key, fc.array(anyValue, { maxLength: 2 }), fc.option(key), fc.option(unknown)).map(([last, values, first, extra]) => ({
      raw: field(number, ...(first === null ? [] : [field(1, first)]), ...(extra === null ? [] : [extra]), keyValue(last, ...values)),
      forged: last === ATTR.status || /^custody\.(finding|verdict|register)\./.test(last),
    }));
  const plain = (raw: fc.Arbitrary<Buffer>) => raw.map((each) => ({ raw: each, forged: false }));
  const spanField = fc.oneof(
    { weight: 3, arbitrary: keyValueField(9) },
    plain(fc.constantFrom(1, 2, 3, 4, 5, 11, 13, 15).chain((number) => bytes.map((value) => field(number, value)))),
    plain(fc.constantFrom(6, 10, 12, 14).map((number) => varint(number, 3))),
    plain(fc.constantFrom(fixed64(7, 9n), fixed64(8, 2n ** 63n), fixed32(16, 257))),
    plain(unknown),
  );
  const fields = fc.array(spanField, { maxLength: 12 });
  const scopeSpans = fc.record({
    head: fc.array(
      fc.oneof(
        text.map((name) => field(1, field(1, name), varint(4, 1))),
        unknown,
      ),
      { maxLength: 2 },
    ),
    spans: fc.array(fields, { maxLength: 4 }),
    tail: fc.array(
      fc.oneof(
        text.map((url) => field(3, url)),
        unknown,
      ),
      { maxLength: 2 },
    ),
  });
  const resourceSpans = fc.record({
    head: fc.array(
      fc.oneof(
        text.map((name) => field(1, field(1, keyValue('service.name', any.string(name))))),
        unknown,
      ),
      { maxLength: 2 },
    ),
    scopes: fc.array(scopeSpans, { maxLength: 3 }),
    tail: fc.array(
      fc.oneof(
        text.map((url) => field(3, url)),
        unknown,
      ),
      { maxLength: 2 },
    ),
  });
  const request = fc.array(resourceSpans, { maxLength: 3 });

  it('loses nothing but what is forged, byte for byte', () => {
    fc.assert(
      fc.property(request, (model) => {
        const expected: FlatSpan[] = [];
        const hex = (...parts: Uint8Array[]) => concat(...parts).toString('hex');
        const body = concat(
          ...model.map(({ head, scopes, tail }) =>
            field(
              1,
              ...head,
              ...scopes.map((scope) => {
                for (const each of scope.spans) {
                  expected.push({
                    resource: hex(...head, ...tail),
                    scope: hex(...scope.head, ...scope.tail),
                    fields: each.filter(({ forged }) => !forged).map(({ raw }) => hex(raw)),
                  });
                }
                return field(2, ...scope.head, ...scope.spans.map((each) => field(2, ...each.map(({ raw }) => raw))), ...scope.tail);
              }),
              ...tail,
            ),
          ),
        );
        const order = (spans: FlatSpan[]) => spans.map((span) => JSON.stringify(span)).sort();
        expect(order(flatten(assemble(partsOf(scanRequest(body)))))).toEqual(order(expected));
      }),
      { numRuns: 300 },
    );
  });

  it('is either scanned or refused as bad data, whatever the bytes', () => {
    const body = requestWith(
      attribute('custody.link.seq', any.int(300)),
      attribute('custody.x', any.array(any.string('a'))),
      field(11, field(2, 'e')),
    );
    const edit = fc.record({ at: fc.nat({ max: body.length - 1 }), byte: fc.nat({ max: 255 }) });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        const edited = Buffer.from(body);
        for (const { at, byte } of edits) edited[at] = byte;
        try {
          const scanned = scanRequest(edited);
          const again = flatten(assemble(partsOf(scanned, 'linked')));
          expect(again).toHaveLength(scanned.spans.length);
        } catch (error) {
          expect(error).toMatchObject({ name: 'IntakeError', code: 'bad_data' });
        }
      }),
      { numRuns: 1000 },
    );
  });
});
