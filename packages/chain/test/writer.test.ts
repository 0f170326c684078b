import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import {
  ATTR,
  ChainError,
  ChainWriter,
  compositeFingerprint,
  coveredText,
  type Place,
  portableHashing,
  readSpan,
  type WrittenLink,
  ZERO_HASH,
} from '../src/index.js';
import { COMPONENTS, viewOf } from './honest.js';
import { digestOf } from './script.js';

vi.setConfig({ testTimeout: 60_000 });

const SESSION = 'ab'.repeat(16);
const place = (now = 5n): Place => ({ traceId: 'cd'.repeat(16), spanId: 'ef'.repeat(8), now });
const writer = (agent: { id: string; name: string; version?: string } = { id: 'bot', name: 'Bot' }, conversationId?: string): ChainWriter =>
  new ChainWriter({ session: SESSION, agent, conversationId, hashing: portableHashing });
const started = (): ChainWriter => {
  const fresh = writer();
  fresh.start({ components: COMPONENTS }, place());
  return fresh;
};
const tool = { name: 'send_email' };
const digests = { argumentsDigest: digestOf('a'), argumentsEncoding: 'json', reasonDigest: digestOf('r'), reasonSource: 'none' } as const;
const intent = { actionId: 'a', tool, decision: 'allow', ...digests } as const;

describe('a writer refuses', () => {
  const refusal = (code: string, message: RegExp): unknown =>
    expect.objectContaining({ name: 'ChainError', code, message: expect.stringMatching(message) });

  test.each(['', 'ab', 'AB'.repeat(16), 'ab'.repeat(17), 'zz'.repeat(16), `${SESSION}\n`])('the session id %j', (session) => {
    const open = (): ChainWriter => new ChainWriter({ session, agent: { id: 'bot', name: 'Bot' }, hashing: portableHashing });
    expect(open).toThrow(refusal('invalid_argument', /32 lower-case hex/));
  });

  const appends: Readonly<Record<string, (writer: ChainWriter) => unknown>> = {
    'action.intent': (chain) => chain.intent(intent, place()),
    'action.outcome': (chain) => chain.outcome({ actionId: 'a', tool, status: 'ok' }, place()),
    approval: (chain) => chain.approval({ actionId: 'a', approvalId: 'x', decision: 'approved', argumentsDigest: digestOf('a') }, place()),
    'fingerprint.change': (chain) => chain.change({ tools: digestOf('t') }, place()),
    'child.spawn': (chain) => chain.spawn('cd'.repeat(16), place()),
    attestation: (chain) => chain.attestation({ requested: 1, executed: 1, unexecuted: [], unrequested: [] }, place()),
    heartbeat: (chain) => chain.heartbeat(place()),
    'session.end': (chain) => chain.end('completed', place()),
  };

  test.each(Object.entries(appends))('%s before session.start', (kind, append) => {
    const fresh = writer();
    expect(() => append(fresh)).toThrow(refusal('invalid_argument', new RegExp(`${kind} before session.start`)));
    expect(fresh.position).toEqual({ session: SESSION, seq: 0, hash: ZERO_HASH });
  });

  test.each(Object.entries(appends))('%s after session.end', (kind, append) => {
    const ended = started();
    ended.end('completed', place());
    const { position } = ended;
    expect(ended.closed).toBe(true);
    expect(() => append(ended)).toThrow(refusal('session_closed', new RegExp(`no ${kind} can follow; open a new session`)));
    expect(ended.position).toEqual(position);
  });

  test('a second start', () => {
    expect(() => started().start({ components: COMPONENTS }, place())).toThrow(refusal('invalid_argument', /starts once/));
  });

  test.each([
    [0, 1],
    [2, 1],
    [1, 2],
    [1.5, 2],
    [Number.NaN, 1],
    [-1, 1],
    [1, Number.POSITIVE_INFINITY],
  ])('a loss of %d to %d after one link', (first, last) => {
    expect(() => started().loss(first, last, 'x', place())).toThrow(refusal('invalid_argument', /expected 1 ≤ first ≤ last ≤ 1/));
  });
});

describe('what a writer writes', () => {
  test('is a chain that a reader recomputes, with disclosed content beside it', () => {
    const chain = started();
    const start = chain.position;
    const link = chain.intent({ ...intent, content: { 'gen_ai.tool.call.arguments': '{}' } }, place());
    expect(link).toMatchObject({ seq: 2, prev: start.hash, kind: 'action.intent' });
    expect(readSpan(viewOf(link), portableHashing)).toMatchObject({ type: 'link', link: { recomputes: true, disclosure: 'mismatch' } });
    expect(chain.position).toEqual({ session: SESSION, seq: 2, hash: link.hash });
  });

  test('has times that never go back, whatever the clock does', () => {
    const times = fc.array(fc.bigInt({ min: -10n, max: 2n ** 64n - 1n }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(times, (clock) => {
        const chain = writer();
        const links = clock.map((now, i) => (i === 0 ? chain.start({ components: COMPONENTS }, place(now)) : chain.heartbeat(place(now))));
        let last = 1n;
        for (const [i, link] of links.entries()) {
          const now = clock[i] as bigint;
          last = now > last ? now : last;
          expect(link.time).toBe(`${last}`);
          expect(readSpan(viewOf(link), portableHashing).type).toBe('link');
        }
      }),
      { numRuns: 50 },
    );
  });

  test('is well-formed, within 1024 bytes a value, and recomputes, whatever text it is given', () => {
    const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 600 }), fc.string({ unit: 'grapheme', minLength: 300, maxLength: 1100 }));
    fc.assert(
      fc.property(text, (any) => {
        const chain = writer({ id: any, name: any, version: any }, any);
        const links: WrittenLink[] = [
          chain.start({ components: COMPONENTS, principal: any, owner: any, memoryStore: any }, place()),
          chain.intent({ ...intent, tool: { name: any, type: any, callId: any }, rule: any }, place()),
          chain.approval({ actionId: 'a', approvalId: 'x', decision: 'denied', approver: any, argumentsDigest: digestOf('a') }, place()),
          chain.outcome({ actionId: 'a', tool: { name: any }, status: 'denied', errorType: any }, place()),
          chain.loss(1, 1, any, place()),
        ];
        for (const link of links) {
          expect(readSpan(viewOf(link), portableHashing)).toMatchObject({ type: 'link', link: { recomputes: true } });
          for (const value of Object.values(link.attributes))
            if (typeof value === 'string') expect(Buffer.byteLength(value)).toBeLessThanOrEqual(1024);
        }
      }),
      { numRuns: 30 },
    );
  });

  test('counts its links and its actions at the end', () => {
    const chain = started();
    chain.intent(intent, place());
    chain.intent({ ...intent, actionId: 'b' }, place());
    const end = chain.end('cancelled', place());
    expect(end.attributes).toMatchObject({ [ATTR.sessionLinks]: 4, [ATTR.sessionActions]: 2, [ATTR.sessionOutcome]: 'cancelled' });
  });

  test('leaves out what it is not told', () => {
    const link = started().intent(intent, place());
    const absent = [ATTR.actionParentId, ATTR.policyRule, ATTR.toolType, ATTR.toolCallId, ATTR.agentVersion, ATTR.conversationId];
    for (const key of absent) expect(link.attributes).not.toHaveProperty([key]);
  });
});

describe('a fingerprint', () => {
  const other = { ...COMPONENTS, tools: digestOf('new tools') } as typeof COMPONENTS & { tools: string };

  test('that did not change appends nothing', () => {
    const chain = started();
    expect(chain.change(COMPONENTS, place())).toBeUndefined();
    expect(chain.change({}, place())).toBeUndefined();
    expect(chain.position.seq).toBe(1);
  });

  test('that changed says what changed, from what, and nothing of the rest', () => {
    const chain = started();
    const { attributes } = chain.change({ ...other, code: digestOf('code') }, place()) as WrittenLink;
    expect(attributes[ATTR.fingerprintChanged]).toEqual(['code', 'tools']);
    expect(attributes[ATTR.fingerprintPrevious]).toBe(compositeFingerprint(COMPONENTS, portableHashing));
    expect(attributes[ATTR.fingerprint]).toBe(compositeFingerprint({ ...other, code: digestOf('code') }, portableHashing));
    expect(attributes).toMatchObject({ [ATTR.tools]: other.tools, 'custody.fingerprint.code': digestOf('code') });
    expect(attributes).not.toHaveProperty([ATTR.memory]);
    expect(chain.components).toEqual({ ...other, code: digestOf('code') });
  });

  test('of an intent is the composite of its own three and the latest of the rest, in that intent alone', () => {
    const chain = started();
    chain.change(other, place());
    const three = {
      system_prompt: COMPONENTS['system_prompt'] as string,
      tools: COMPONENTS['tools'] as string,
      memory: COMPONENTS['memory'] as string,
    };
    const asked = chain.intent({ ...intent, components: three }, place());
    expect(asked.attributes[ATTR.fingerprint]).toBe(compositeFingerprint(COMPONENTS, portableHashing));
    expect(asked.attributes[ATTR.tools]).toBe(COMPONENTS['tools']);
    expect(chain.heartbeat(place()).attributes[ATTR.fingerprint]).toBe(compositeFingerprint(other, portableHashing));
  });
});

describe('covered text', () => {
  test.each([
    ['a'.repeat(1024), 1024],
    ['a'.repeat(1025), 1024],
    [`${'a'.repeat(1023)}é`, 1023],
    [`${'a'.repeat(1022)}é`, 1023],
    [`${'a'.repeat(1022)}€`, 1022],
    [`${'a'.repeat(1021)}€`, 1022],
    [`${'a'.repeat(1021)}😀`, 1021],
    [`${'a'.repeat(1020)}😀`, 1022],
    ['€'.repeat(342), 341],
    ['😀'.repeat(300), 512],
  ])('is cut at a code point within 1024 bytes (case %#)', (text, units) => {
    expect(coveredText(text)).toBe(text.slice(0, units));
  });

  test('has U+FFFD for lone surrogates, and is otherwise left alone', () => {
    expect(coveredText('a\ud800b\udc00')).toBe('a\ufffdb\ufffd');
    expect(coveredText('e\u0301 \u0000 ﬁ')).toBe('e\u0301 \u0000 ﬁ');
    expect(coveredText('')).toBe('');
  });

  test('is a prefix of the whole text, the longest that fits', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 1500 }), (any) => {
        const whole = any.toWellFormed();
        const cut = coveredText(any);
        expect(whole.startsWith(cut)).toBe(true);
        expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(1024);
        const next = String.fromCodePoint(whole.codePointAt(cut.length) ?? 0);
        if (cut !== whole) expect(Buffer.byteLength(cut + next)).toBeGreaterThan(1024);
      }),
    );
  });
});

test('an error of the chain is an Error with a code', () => {
  const error = new ChainError('not_json', 'why', { cause: 1 });
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ name: 'ChainError', code: 'not_json', message: 'why', cause: 1 });
});
