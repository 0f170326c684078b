import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cleanLink } from '../src/clean.js';
import { ATTR, CONTENT_KEYS, portableHashing, readSpan, type SpanView, type WireValue } from '../src/index.js';
import { readAny } from '../src/link.js';
import { viewOf } from './honest.js';
import { digestOf, Script } from './script.js';

// Most links are read by a quick check; the tables of the format are written down as schemas. The two must never disagree.

const script = new Script('clean', undefined);
script.start({ principal: 'alice', memoryStore: 'notes', parent: { session: 'ab'.repeat(16), seq: 3, hash: digestOf('p') } });
script.disclosed('a').intent('b', 'require_approval', { parent: 'a' }).approval('b').outcome('b').outcome('a');
script
  .change({ memory: digestOf('m') })
  .spawn('cd'.repeat(16))
  .attestation(['call 1'])
  .heartbeat()
  .loss(2, 3)
  .end();
const views = script.links.map(viewOf);

const key = fc.oneof(
  fc.constantFrom(...Object.values(ATTR), ...CONTENT_KEYS),
  fc.constantFrom('custody.', 'custody.x', 'custody.X', 'custody.fingerprint.code', 'custody.salt.other', 'http.route'),
);
const wireValue: fc.Arbitrary<WireValue> = fc.oneof(
  fc.constantFrom<WireValue>(
    ...views.flatMap(({ attributes }) => attributes.map(([, value]) => value)),
    ...['', '0', '\ud800', 'deny', 'execute_tool', 'f'.repeat(63), 'F'.repeat(64), '9'.repeat(21)],
    ...[0, 1, 2, -1, Number.MAX_SAFE_INTEGER, 2n ** 60n],
    ...[[], ['a', 'b'], ['\udc00']],
    ...(['double', 'bool', 'none', 'several', 'invalid_int', 'invalid_utf8', 'array'] as const).map((other) => ({ other })),
  ),
  fc.string({ unit: 'binary' }),
  fc.integer(),
);

type Pairs = readonly (readonly [string, WireValue])[];
type Change = (pairs: Pairs) => Pairs;
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(key, wireValue).map(
    ([name, value]): Change =>
      (pairs) => [...pairs.filter(([other]) => other !== name), [name, value]],
  ),
  fc.tuple(key, wireValue).map(
    ([name, value]): Change =>
      (pairs) => [...pairs, [name, value]],
  ),
  fc.nat().map(
    (place): Change =>
      (pairs) =>
        pairs.filter((_, index) => index !== place % pairs.length),
  ),
  fc.tuple(fc.nat(), wireValue).map(
    ([place, value]): Change =>
      (pairs) =>
        pairs.map((pair, index) => (index === place % pairs.length ? [pair[0], value] : pair)),
  ),
);
const id = (length: number) =>
  fc.oneof({ weight: 9, arbitrary: fc.constant('') }, fc.constantFrom('0'.repeat(length), 'AB', 'g'.repeat(length)));
const mutated: fc.Arbitrary<SpanView> = fc
  .tuple(fc.constantFrom(...views), fc.array(change, { maxLength: 3 }), id(32), id(16))
  .map(([view, changes, traceId, spanId]) => ({
    traceId: traceId || view.traceId,
    spanId: spanId || view.spanId,
    attributes: changes.reduce<Pairs>((pairs, edit) => edit(pairs), view.attributes),
  }));
const arbitrary: fc.Arbitrary<SpanView> = fc.record({
  traceId: fc.constant('12'.repeat(16)),
  spanId: fc.constant('34'.repeat(8)),
  attributes: fc.array(fc.tuple(key, wireValue), { maxLength: 30 }),
});

test('a span is read the same by the quick check and by the schemas alone, whatever was changed in it', () => {
  fc.assert(
    fc.property(fc.oneof({ weight: 4, arbitrary: mutated }, arbitrary), (view) => {
      expect(readSpan(view, portableHashing)).toEqual(readAny(view, portableHashing));
    }),
    { numRuns: 3_000 },
  );
});

test('honest links of every kind pass the quick check, but for those with a rule over several fields', () => {
  const doubted = script.links.filter((link) => cleanLink(viewOf(link)) === undefined).map(({ kind }) => kind);
  expect(new Set(doubted)).toEqual(new Set(['session.start', 'loss']));
});
