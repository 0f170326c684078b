import { ATTR, commitment, type LinkCopy } from '@agent-custody/chain';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { runAction } from '../src/action.js';
import { shutDownSessions } from '../src/exit.js';
import { configure, state } from '../src/global.js';
import { nodeHashing } from '../src/hashing.js';
import type { Redact } from '../src/types.js';
import { findings, type Recording, record } from './support/recording.js';

let recording: Recording;
beforeEach(() => {
  recording = record();
});
afterEach(() => {
  shutDownSessions();
  expect(findings(recording.links())).toEqual([]);
  return recording.stop();
});

const reason = { text: 'the invoice is due', source: 'text' } as const;
const intentOf = (input: unknown): LinkCopy => {
  runAction({ tool: { name: 'pay' }, arguments: input, reason }, () => 1);
  return recording.kind('action.intent').at(-1) as LinkCopy;
};
const capture = (changes: object) => configure({ capture: { ...state().configuration.capture, ...changes } });

describe('what is disclosed', () => {
  test('is the canonical text with its salt, which confirm the digest', () => {
    const { content, attributes } = intentOf({ b: 1, a: 'ü' });
    expect(content[ATTR.toolArguments]).toBe('{"a":"ü","b":1}');
    expect(content[ATTR.reason]).toBe('the invoice is due');
    const { [ATTR.saltArguments]: argumentsSalt = '', [ATTR.saltReason]: reasonSalt = '' } = content;
    expect(commitment('arguments', '{"a":"ü","b":1}', argumentsSalt, nodeHashing)).toBe(attributes[ATTR.argumentsDigest]);
    expect(commitment('reason', '"the invoice is due"', reasonSalt, nodeHashing)).toBe(attributes[ATTR.reasonDigest]);
    expect(argumentsSalt).not.toBe(reasonSalt);
  });

  test('has a fresh salt each time, so that equal values look different', () => {
    expect(intentOf({ a: 1 }).attributes[ATTR.argumentsDigest]).not.toBe(intentOf({ a: 1 }).attributes[ATTR.argumentsDigest]);
  });

  test('is nothing that is switched off, salt included', () => {
    capture({ arguments: false, reason: false });
    expect(intentOf({ a: 1 }).content).toEqual({});
  });

  test('is left out whole over the limit, which counts bytes', () => {
    capture({ maxBytes: 20 });
    expect(intentOf('x'.repeat(18)).content[ATTR.toolArguments]).toBe(`"${'x'.repeat(18)}"`);
    expect(intentOf('x'.repeat(19)).content).not.toHaveProperty([ATTR.toolArguments]);
    expect(intentOf('ü'.repeat(10)).content).not.toHaveProperty([ATTR.toolArguments]);
    expect(intentOf('ü'.repeat(9)).content).toHaveProperty([ATTR.toolArguments]);
    expect(intentOf('x'.repeat(19)).content).not.toHaveProperty([ATTR.saltArguments]);
  });
});

describe('redaction', () => {
  test('by default takes content and salt of what holds a credential', () => {
    const { content, attributes } = intentOf({ user: 'ann', password: 'hunter2' });
    expect(Object.keys(content)).toEqual([ATTR.reason, ATTR.saltReason]);
    expect(attributes[ATTR.argumentsDigest]).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.stringify(recording.spans().map((span) => span.attributes))).not.toContain('hunter2');
  });

  test.each<[string, Redact]>([
    ['answers nothing', () => undefined],
    ['masks', () => ({ card: '****' })],
    ['masks in place', (value) => (typeof value === 'object' ? Object.assign(value as object, { card: '****' }) : value)],
    [
      'fails',
      () => {
        throw new Error('bad redactor');
      },
    ],
  ])('that %s withholds content and salt, and the tool gets what it was given', (_what, redact) => {
    configure({ redact });
    const input = { card: '4111' };
    const { content } = intentOf(input);
    expect(content).not.toHaveProperty([ATTR.toolArguments]);
    expect(content).not.toHaveProperty([ATTR.saltArguments]);
    expect(input).toEqual({ card: '4111' });
  });

  test('that answers the value, or one like it, discloses', () => {
    const redact = vi.fn<Redact>((value, { field }) => (field === 'arguments' ? structuredClone(value) : undefined));
    configure({ redact });
    expect(Object.keys(intentOf({ a: 1 }).content)).toEqual([ATTR.toolArguments, ATTR.saltArguments]);
    expect(redact.mock.calls).toEqual([
      [{ a: 1 }, { tool: 'pay', field: 'arguments' }],
      ['the invoice is due', { tool: 'pay', field: 'reason' }],
    ]);
  });
});
