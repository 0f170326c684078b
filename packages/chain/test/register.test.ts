import { describe, expect, test } from 'vitest';
import { approves, ChainError, entriesFor, parseRegister, type RegisterEntry } from '../src/index.js';
import { digestOf } from './script.js';

const entry: RegisterEntry = {
  agent: 'billing-bot',
  components: { system_prompt: digestOf('prompt'), tools: digestOf('tools') },
  by: 'bob@example.com',
  ticket: 'CHG-1234',
  from: '2026-11-01T00:00:00Z',
  until: '2026-12-01T00:00:00Z',
  withdrawn: null,
};
const ns = (iso: string, plus = 0n): string => `${BigInt(Date.parse(iso)) * 1_000_000n + plus}`;
const INSIDE = ns('2026-11-15T00:00:00Z');

describe('a register', () => {
  test('is taken as it is written, with until and withdrawn left out', () => {
    const { until: _until, withdrawn: _withdrawn, ...short } = entry;
    expect(parseRegister({ version: 1, entries: [entry, short] })).toEqual({ version: 1, entries: [entry, { ...entry, until: null }] });
    expect(parseRegister({ version: 1, entries: [] }).entries).toEqual([]);
  });

  test('may give its times with an offset', () => {
    const { entries } = parseRegister({ version: 1, entries: [{ ...entry, from: '2026-11-01T02:00:00+02:00' }] });
    expect(approves(entries[0] as RegisterEntry, entry.components, ns('2026-11-01T00:00:00Z'))).toBe(true);
    expect(approves(entries[0] as RegisterEntry, entry.components, ns('2026-11-01T00:00:00Z', -1n))).toBe(false);
  });

  const bad = (change: object): unknown => ({ version: 1, entries: [entry, { ...entry, ...change }] });
  test.each<[string, unknown, RegExp]>([
    ['nothing', null, /expected object/],
    ['a list', [], /expected object/],
    ['another version', { version: 2, entries: [] }, /version/],
    ['no entries', { version: 1 }, /entries/],
    ['entries that are an object', { version: 1, entries: {} }, /entries/],
    ['a key that it does not know', { version: 1, entries: [], comment: 'x' }, /comment/],
    ['an entry with a key that it does not know', bad({ untill: null }), /untill/],
    ['an entry without an agent', bad({ agent: undefined }), /entries\[1\]\.agent/],
    ['an entry with an empty agent', bad({ agent: '' }), /entries\[1\]\.agent/],
    ['an entry by nobody', bad({ by: '' }), /entries\[1\]\.by/],
    ['an entry without a ticket', bad({ ticket: undefined }), /entries\[1\]\.ticket/],
    ['a digest in upper case', bad({ components: { tools: digestOf('x').toUpperCase() } }), /entries\[1\]\.components\.tools/],
    ['a digest that is too short', bad({ components: { tools: 'ab' } }), /entries\[1\]\.components\.tools/],
    ['a component that cannot be named so', bad({ components: { 'my tools': digestOf('x') } }), /entries\[1\]\.components/],
    ['no components', bad({ components: undefined }), /entries\[1\]\.components/],
    ['a beginning that is a day', bad({ from: '2026-11-01' }), /entries\[1\]\.from/],
    ['a beginning without a time zone', bad({ from: '2026-11-01T00:00:00' }), /entries\[1\]\.from/],
    ['no beginning', bad({ from: null }), /entries\[1\]\.from/],
    ['an end that is no day', bad({ until: '2026-02-30T00:00:00Z' }), /entries\[1\]\.until/],
    ['a withdrawal that is a number', bad({ withdrawn: 0 }), /entries\[1\]\.withdrawn/],
  ])('is refused, naming the place, when it is or has %s', (_what, value, place) => {
    const parse = (): unknown => parseRegister(value);
    expect(parse).toThrow(ChainError);
    expect(parse).toThrow(expect.objectContaining({ code: 'invalid_register', message: expect.stringMatching(place) }));
  });

  test('speaks of the agents that it names, and of nobody without one', () => {
    const other = { ...entry, agent: 'other-bot' };
    expect(entriesFor({ version: 1, entries: [entry, other, entry] }, 'billing-bot')).toEqual([entry, entry]);
    expect(entriesFor({ version: 1, entries: [entry] }, 'Billing-bot')).toEqual([]);
    expect(entriesFor(undefined, 'billing-bot')).toEqual([]);
  });
});

describe('an entry approves', () => {
  test.each([
    ['the first nanosecond', ns(entry.from), true],
    ['the nanosecond before', ns(entry.from, -1n), false],
    ['the last nanosecond', ns('2026-12-01T00:00:00Z'), true],
    ['the nanosecond after', ns('2026-12-01T00:00:00Z', 1n), false],
  ])('from and until, both included: %s', (_when, time, approved) => {
    expect(approves(entry, entry.components, time)).toBe(approved);
  });

  test.each([
    ['the nanosecond before', ns('2026-11-15T00:00:00Z', -1n), true],
    ['that very moment', ns('2026-11-15T00:00:00Z'), false],
    ['later', ns('2026-11-16T00:00:00Z'), false],
  ])('before it was withdrawn, and not after: %s', (_when, time, approved) => {
    expect(approves({ ...entry, withdrawn: '2026-11-15T00:00:00Z' }, entry.components, time)).toBe(approved);
  });

  test('without an end when until is null', () => {
    expect(approves({ ...entry, until: null }, entry.components, '9'.repeat(20))).toBe(true);
  });

  test('a state with every component that it names, whatever else that has', () => {
    expect(approves(entry, { ...entry.components, memory: digestOf('m'), code: digestOf('c') }, INSIDE)).toBe(true);
    expect(approves(entry, { ...entry.components, tools: digestOf('x') }, INSIDE)).toBe(false);
    expect(approves({ ...entry, components: {} }, {}, INSIDE)).toBe(true);
  });

  test('no state without a component that it names, unless a hole may hide that', () => {
    const { tools: _tools, ...partial } = entry.components;
    expect(approves(entry, partial, INSIDE)).toBe(false);
    expect(approves(entry, partial, INSIDE, false)).toBe(true);
    expect(approves(entry, { ...partial, tools: digestOf('x') }, INSIDE, false)).toBe(false);
  });
});
