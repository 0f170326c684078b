import { describe, expect, test } from 'vitest';
import {
  ATTR,
  LINK_KINDS,
  portableHashing,
  type Reading,
  readSpan,
  type SpanView,
  type WireValue,
  type WrittenLink,
} from '../src/index.js';
import { viewOf } from './honest.js';
import { digestOf, edit, rehash, Script } from './script.js';

// SPEC.md, "What is a link": every reason why a span that claims to be one cannot be, and what comes close and is none.

const script = new Script('malformed', undefined);
script.start({
  principal: 'alice',
  owner: 'finance',
  memoryStore: 'notes',
  parent: { session: 'ab'.repeat(16), seq: 3, hash: digestOf('p') },
});
script.disclosed('a').intent('b', 'require_approval', { parent: 'a' }).approval('b').outcome('b').outcome('a');
script
  .change({ memory: digestOf('m') })
  .spawn('cd'.repeat(16))
  .attestation(['call 1'])
  .heartbeat()
  .loss(2, 3)
  .end();
const { links } = script;
const of = (kind: string): WrittenLink => links.find((link) => link.kind === kind) as WrittenLink;

type Pairs = (readonly [string, WireValue])[];
const read = (view: SpanView): Reading => readSpan(view, portableHashing);
/** The span of a link with its list of attributes changed: values of any type, repeated keys. */
const spanOf = (link: WrittenLink, change: (pairs: Pairs) => Pairs = (pairs) => pairs): SpanView => ({
  ...viewOf(link),
  attributes: change([...viewOf(link).attributes]),
});
const put =
  (key: string, value: WireValue | undefined) =>
  (pairs: Pairs): Pairs => {
    const rest = pairs.filter(([other]) => other !== key);
    return value === undefined ? rest : [...rest, [key, value] as const];
  };
const twice =
  (key: string, value: WireValue) =>
  (pairs: Pairs): Pairs => [...pairs, [key, value] as const];

test('the links that the table is made of are links', () => {
  expect(new Set(links.map((link) => link.kind))).toEqual(new Set(LINK_KINDS));
  for (const link of links) expect(read(viewOf(link))).toMatchObject({ type: 'link', link: { recomputes: true } });
});

const COMMON = [
  ATTR.version,
  ATTR.sessionId,
  ATTR.seq,
  ATTR.kind,
  ATTR.prev,
  ATTR.time,
  ATTR.hash,
  ATTR.fingerprint,
  ATTR.agentId,
  ATTR.agentName,
];
const THREE = [ATTR.systemPrompt, ATTR.tools, ATTR.memory];
const REQUIRED: Readonly<Record<(typeof LINK_KINDS)[number], readonly string[]>> = {
  'session.start': [...THREE, ATTR.parentSessionId, ATTR.parentSeq, ATTR.parentHash],
  'action.intent': [
    ...THREE,
    ATTR.actionId,
    ATTR.operationName,
    ATTR.toolName,
    ATTR.argumentsDigest,
    ATTR.argumentsEncoding,
    ATTR.reasonDigest,
    ATTR.reasonSource,
    ATTR.policyDecision,
  ],
  approval: [ATTR.actionId, ATTR.approvalId, ATTR.approvalDecision, ATTR.argumentsDigest],
  'action.outcome': [ATTR.actionId, ATTR.operationName, ATTR.toolName, ATTR.actionStatus],
  'fingerprint.change': [ATTR.fingerprintPrevious, ATTR.fingerprintChanged],
  'child.spawn': [ATTR.childSessionId],
  loss: [ATTR.lossFirst, ATTR.lossLast, ATTR.lossReason],
  attestation: [ATTR.attestationRequested, ATTR.attestationExecuted],
  'session.end': [ATTR.sessionLinks, ATTR.sessionActions, ATTR.sessionOutcome],
  heartbeat: [],
};
const OPTIONAL: Readonly<Record<string, readonly string[]>> = {
  'session.start': [ATTR.principal, ATTR.owner, ATTR.memoryStore, ATTR.keyId],
  'action.intent': [ATTR.actionParentId, ATTR.toolType, ATTR.toolCallId, ATTR.policyRule, ATTR.policyObserved],
  approval: [ATTR.approvalApprover],
  'action.outcome': [ATTR.toolType, ATTR.toolCallId, ATTR.resultDigest, ATTR.errorType],
  attestation: [ATTR.attestationUnexecuted, ATTR.attestationUnrequested],
  heartbeat: [ATTR.agentVersion, ATTR.conversationId],
};
const INTS: ReadonlySet<string> = new Set([
  ATTR.version,
  ATTR.seq,
  ATTR.parentSeq,
  ATTR.lossFirst,
  ATTR.lossLast,
  ATTR.sessionLinks,
  ATTR.sessionActions,
  ATTR.attestationRequested,
  ATTR.attestationExecuted,
]);

const ARRAYS: ReadonlySet<string> = new Set([ATTR.fingerprintChanged, ATTR.attestationUnexecuted, ATTR.attestationUnrequested]);

/** Where the finding must go: to what is stated once and well-formed, else at large. */
function place(link: WrittenLink, key: string): { session: string; seq: number } {
  return key === ATTR.sessionId || key === ATTR.seq ? { session: '', seq: 0 } : { session: link.session, seq: link.seq };
}

describe.each(LINK_KINDS)('a link of kind %s', (kind) => {
  const link = of(kind);

  test.each([...COMMON, ...REQUIRED[kind]])('without %s', (key) => {
    expect(read(spanOf(link, put(key, undefined)))).toMatchObject({ type: 'malformed', ...place(link, key) });
  });

  test.each([...COMMON, ...REQUIRED[kind], ...(OPTIONAL[kind] ?? [])])('with %s of another type', (key) => {
    const other: WireValue[] = INTS.has(key) ? ['1', ['1']] : ARRAYS.has(key) ? ['tools', 1] : [7, ['x']];
    for (const value of [...other, 2n ** 60n, { other: 'double' }, { other: 'bool' }, { other: 'none' }] as WireValue[]) {
      expect(read(spanOf(link, put(key, value))), JSON.stringify(String(value))).toMatchObject({ type: 'malformed', ...place(link, key) });
    }
  });
});

const intent = of('action.intent');
const start = of('session.start');
const heartbeat = of('heartbeat');
const hex = (length: number): string => 'a'.repeat(length);

const wrong: readonly (readonly [string, WrittenLink, (pairs: Pairs) => Pairs])[] = [
  ['a custody key twice, with the same value', heartbeat, twice(ATTR.kind, 'heartbeat')],
  ['an unknown custody key twice', heartbeat, (pairs) => twice('custody.note', 'x')(twice('custody.note', 'x')(pairs))],
  ['one of the nine twice', heartbeat, twice(ATTR.agentName, 'Billing bot')],
  ['one of the nine that no rule names here, twice', heartbeat, (pairs) => twice(ATTR.errorType, 'x')(twice(ATTR.errorType, 'x')(pairs))],
  ['content twice', intent, twice(ATTR.toolArguments, '{}')],
  ['a reason twice', intent, twice(ATTR.reason, 'x')],
  ['a salt twice', intent, twice(ATTR.saltReason, hex(64))],
  ['a signature twice', heartbeat, (pairs) => twice(ATTR.signature, 'x')(twice(ATTR.signature, 'x')(pairs))],
  ['a hash in upper case', heartbeat, put(ATTR.hash, heartbeat.hash.toUpperCase())],
  ['a hash that is too short', heartbeat, put(ATTR.hash, hex(63))],
  ['a prev that is too long', heartbeat, put(ATTR.prev, hex(65))],
  ['a fingerprint that is no hex', heartbeat, put(ATTR.fingerprint, 'g'.repeat(64))],
  ['a component that is no digest', start, put(ATTR.model, 'gpt')],
  ['a component that no version names, and no digest', start, put('custody.fingerprint.weather', 'sunny')],
  ['a component on a link of another kind, and no digest', heartbeat, put('custody.fingerprint.tools', 'none')],
  ['a component that is an array', start, put('custody.fingerprint.weather', [hex(64)])],
  ['an operation that is not execute_tool', intent, put(ATTR.operationName, 'chat')],
  ['an encoding outside the enumeration', intent, put(ATTR.argumentsEncoding, 'JSON')],
  ['a reason source outside the enumeration', intent, put(ATTR.reasonSource, 'guess')],
  ['a decision outside the enumeration', intent, put(ATTR.policyDecision, 'Allow')],
  ['an approval decision outside the enumeration', of('approval'), put(ATTR.approvalDecision, 'yes')],
  ['a status outside the enumeration', of('action.outcome'), put(ATTR.actionStatus, 'done')],
  ['an outcome outside the enumeration', of('session.end'), put(ATTR.sessionOutcome, 'ok')],
  ['a child id that is too short', of('child.spawn'), put(ATTR.childSessionId, hex(31))],
  ['two of the three about a parent', start, put(ATTR.parentHash, undefined)],
  ['a loss from zero', of('loss'), put(ATTR.lossFirst, 0)],
  ['a loss that ends before it begins', of('loss'), put(ATTR.lossLast, 1)],
  ['a loss of its own number', of('loss'), put(ATTR.lossLast, of('loss').seq)],
  ['an int that is not canonical', of('session.end'), put(ATTR.sessionLinks, { other: 'invalid_int' })],
  ['an int beyond 2^53-1', of('session.end'), put(ATTR.sessionLinks, 2n ** 53n)],
  ['an int below -(2^53-1)', of('session.end'), put(ATTR.sessionActions, -(2n ** 53n))],
  ['an unknown int beyond 2^53-1', heartbeat, put('custody.note', 2n ** 53n)],
  ['time zero', heartbeat, put(ATTR.time, '0')],
  ['a time with leading zeros', heartbeat, put(ATTR.time, '0123')],
  ['a negative time', heartbeat, put(ATTR.time, '-1')],
  ['a time of 21 digits', heartbeat, put(ATTR.time, '1'.repeat(21))],
  ['a time with a line break', heartbeat, put(ATTR.time, '1\n')],
  ['an array with a number', of('fingerprint.change'), put(ATTR.fingerprintChanged, { other: 'array' })],
  ['an unknown covered key that is a double', heartbeat, put('custody.note', { other: 'double' })],
  ['an unknown covered key that is a bool', heartbeat, put('custody.note', { other: 'bool' })],
  ['an unknown covered key of bytes', heartbeat, put('custody.note', { other: 'bytes' })],
  ['an unknown covered key that is a map', heartbeat, put('custody.note', { other: 'kvlist' })],
  ['one of the nine, which no rule names here, that is a bool', heartbeat, put(ATTR.errorType, { other: 'bool' })],
  ['a custody key in upper case', heartbeat, put('custody.Note', 'x')],
  ['a custody key with a dash', heartbeat, put('custody.my-note', 'x')],
  ['a custody key with nothing behind the dot', heartbeat, put('custody.', 'x')],
  ['a custody key with a line break', heartbeat, put('custody.note\n', 'x')],
  ['a lone surrogate', heartbeat, put('custody.note', 'a\ud800')],
  ['a lone surrogate in the other half', heartbeat, put(ATTR.agentName, '\udc00')],
  ['a lone surrogate in an array', heartbeat, put('custody.note', ['\ud800'])],
  ['a lone surrogate in content', intent, put(ATTR.toolArguments, '"\ud800"')],
  ['text that is no UTF-8', heartbeat, put('custody.note', { other: 'invalid_utf8' })],
  ['an attribute with no value', heartbeat, put('custody.note', { other: 'none' })],
  ['one of the nine with no value', heartbeat, put(ATTR.toolType, { other: 'none' })],
  ['content with no value', intent, put(ATTR.toolArguments, { other: 'none' })],
  ['a salt with no value', intent, put(ATTR.saltArguments, { other: 'none' })],
  ['content that is an int', intent, put(ATTR.toolArguments, 1)],
  ['a reason that is an array', intent, put(ATTR.reason, ['x'])],
  ['a signature that is an int', heartbeat, put(ATTR.signature, 1)],
  ['a signature that is bytes', heartbeat, put(ATTR.signature, { other: 'bytes' })],
];

describe('a link is malformed, at the session and seq that it states, with', () => {
  test.each(wrong)('%s', (_what, link, change) => {
    expect(read(spanOf(link, change))).toMatchObject({ type: 'malformed', session: link.session, seq: link.seq });
  });

  test.each([
    ['a trace id of 15 bytes', { traceId: hex(30) }],
    ['a trace id of 17 bytes', { traceId: hex(34) }],
    ['no trace id', { traceId: '' }],
    ['a zero trace id', { traceId: '0'.repeat(32) }],
    ['a span id of 7 bytes', { spanId: hex(14) }],
    ['no span id', { spanId: '' }],
    ['a zero span id', { spanId: '0'.repeat(16) }],
  ])('%s', (_what, ids) => {
    expect(read({ ...viewOf(heartbeat), ...ids })).toMatchObject({ type: 'malformed', session: heartbeat.session, seq: heartbeat.seq });
  });
});

const unstated: readonly (readonly [string, (pairs: Pairs) => Pairs])[] = [
  ['its session twice', twice(ATTR.sessionId, heartbeat.session)],
  ['two sessions', twice(ATTR.sessionId, hex(32))],
  ['a session in upper case', put(ATTR.sessionId, hex(32).toUpperCase())],
  ['a session that is too short', put(ATTR.sessionId, hex(31))],
  ['its seq twice', twice(ATTR.seq, heartbeat.seq)],
  ['seq zero', put(ATTR.seq, 0)],
  ['a negative seq', put(ATTR.seq, -1)],
  ['a seq beyond 2^53-1', put(ATTR.seq, 2n ** 53n)],
  ['a seq that is a string', put(ATTR.seq, '3')],
  ['a seq that is a double', put(ATTR.seq, { other: 'double' })],
];

test.each(unstated)('a link that states %s is malformed at large', (_what, change) => {
  expect(read(spanOf(heartbeat, change))).toMatchObject({ type: 'malformed', session: '', seq: 0 });
});

test('a link that states its session and seq well is malformed there, whatever else is wrong with it', () => {
  const wreck = { traceId: '', spanId: 'x', attributes: [[ATTR.sessionId, heartbeat.session] as const, [ATTR.seq, 3] as const] };
  expect(read(wreck)).toEqual({
    type: 'malformed',
    session: heartbeat.session,
    seq: 3,
    detail: expect.any(String),
    traceId: '',
    spanId: '',
  });
});

describe('a link is none the worse for', () => {
  const fine: readonly (readonly [string, (pairs: Pairs) => Pairs])[] = [
    ['a status from a hop in between', twice(ATTR.status, 'broken')],
    ['two of them', (pairs) => twice(ATTR.status, 'linked')(twice(ATTR.status, 'held')(pairs))],
    [
      'findings from a hop in between, of any type',
      (pairs) => twice('custody.finding.code', { other: 'bool' })(twice('custody.finding.code', 'gap')(pairs)),
    ],
    ['a finding with no value', twice('custody.finding.seq', { other: 'none' })],
    [
      'keys that are not covered, twice, of any type and with no value',
      (pairs) => [...pairs, ['http.route', { other: 'none' }], ['http.route', { other: 'kvlist' }], ['a\ud800', '\ud800']],
    ],
    ['an empty key', twice('', 'x')],
    ['a key that only begins alike', twice('custodyx.link.seq', { other: 'bool' })],
    [
      'other gen_ai keys of any type',
      (pairs) => twice('gen_ai.usage.input_tokens', 12)(twice('gen_ai.request.temperature', { other: 'double' })(pairs)),
    ],
    ['a signature', twice(ATTR.signature, 'c2lnbmVk')],
    ['a salt of something that is not there', twice('custody.salt.other', 7)],
    ['__proto__', twice('__proto__', 'x')],
  ];
  test.each(fine)('%s', (_what, change) => {
    expect(read(spanOf(heartbeat, change))).toMatchObject({ type: 'link', link: { recomputes: true, hash: heartbeat.hash } });
  });

  test.each([
    ['a kind that is not known', { [ATTR.kind]: 'session.pause' }],
    ['a kind that every object has', { [ATTR.kind]: 'constructor' }],
    ['no kind to speak of', { [ATTR.kind]: '' }],
    ['unknown custody keys', { 'custody.note': 'x', 'custody.note.list': ['a', ''], 'custody.note.count': -3, 'custody.1.a_b': '' }],
    ['empty names', { [ATTR.agentId]: '', [ATTR.agentName]: '' }],
    ['a parent seq that no link has', { 'custody.parent.seq': 0 }],
    ['text that is not normalised', { [ATTR.agentName]: 'e\u0301' }],
    ['the highest seq there is', { [ATTR.seq]: Number.MAX_SAFE_INTEGER }],
    ['a time of 20 digits', { [ATTR.time]: '9'.repeat(20) }],
  ])('%s, once hashed', (_what, changes) => {
    const link = rehash(heartbeat, changes);
    expect(read(viewOf(link))).toMatchObject({ type: 'link', link: { recomputes: true, hash: link.hash } });
  });
});

describe('a link of an unknown version', () => {
  test.each([0, 2, -1, Number.MAX_SAFE_INTEGER])('%i is held to the table of all links alone, and does not recompute', (version) => {
    const link = edit(intent, {
      [ATTR.version]: version,
      [ATTR.policyDecision]: 'ask',
      [ATTR.actionId]: undefined,
      [ATTR.toolName]: ['x'],
    });
    expect(read(viewOf(link))).toMatchObject({ type: 'link', link: { version, recomputes: false, disclosure: 'none' } });
  });

  test.each(COMMON.filter((key) => key !== ATTR.version))('is malformed without %s all the same', (key) => {
    expect(read(viewOf(edit(intent, { [ATTR.version]: 2, [key]: undefined })))).toMatchObject({ type: 'malformed', ...place(intent, key) });
  });

  test('is malformed with a component that is no digest all the same', () => {
    expect(read(viewOf(edit(start, { [ATTR.version]: 2, [ATTR.tools]: 'none' })))).toMatchObject({ type: 'malformed' });
  });
});

describe('a span claims nothing', () => {
  const other = (pairs: Pairs): SpanView => ({ traceId: hex(32), spanId: hex(16), attributes: pairs });

  test.each<[string, Pairs]>([
    ['with no attributes', []],
    ['of the application inside a session', [[ATTR.sessionId, hex(32)]]],
    ['with a status alone', [[ATTR.status, 'linked']]],
    [
      'with custody keys that no link has alone',
      [
        ['custody.verdict.integrity', 'intact'],
        ['custody.finding.code', 'gap'],
        ['custody.linkage', 'x'],
      ],
    ],
    [
      'with content alone',
      [
        [ATTR.toolArguments, '{}'],
        [ATTR.saltArguments, 'x'],
      ],
    ],
    [
      'with malformed custody keys',
      [
        ['custody.X', { other: 'none' }],
        ['custody.X', { other: 'none' }],
      ],
    ],
  ])('%s', (_what, pairs) => {
    expect(read(other(pairs))).toEqual({ type: 'none' });
  });

  test.each(['custody.link.seq', 'custody.link.hash', 'custody.link.whatever', 'custody.link.'])('but not with %s', (key) => {
    expect(read(other([[key, { other: 'none' }]]))).toMatchObject({ type: 'malformed', session: '', seq: 0 });
  });
});
