import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Register, RegisterEntry } from '@agent-custody/chain';
import { describe, expect, it } from 'vitest';
import { addEntries, withdrawEntries } from '../src/approve/entries.js';
import { changeRegister, RegisterFileError, RegisterWatch, readRegister } from '../src/register-file.js';

const entry = (more: Partial<RegisterEntry> = {}): RegisterEntry => ({
  agent: 'billing-bot',
  components: { system_prompt: 'a'.repeat(64), tools: 'b'.repeat(64) },
  by: 'bob@example.com',
  ticket: 'CHG-1',
  from: '2026-01-01T00:00:00Z',
  until: null,
  withdrawn: null,
  ...more,
});
const NOW = new Date('2026-06-01T00:00:00Z');

function newPath(text?: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'custody-register-')), 'register.json');
  if (text !== undefined) writeFileSync(path, text, { mode: 0o640 });
  return path;
}

const add =
  (added = entry()) =>
  (register: Register) => ({ register: { ...register, entries: [...register.entries, added] } });

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof RegisterFileError) return error.code;
    throw error;
  }
  return 'none';
}

describe('a register file', () => {
  it('is made by the first change, and holds what was there and what came', () => {
    const path = newPath();
    changeRegister(path, add());
    changeRegister(path, add(entry({ ticket: 'CHG-2' })));
    expect(readRegister(path).entries.map(({ ticket }) => ticket)).toEqual(['CHG-1', 'CHG-2']);
    expect(readdirSync(join(path, '..'))).toEqual(['register.json']);
  });

  it('keeps its mode, and the link that leads to it', () => {
    const path = newPath('{"version":1,"entries":[]}');
    const link = `${path}.link`;
    symlinkSync(path, link);
    changeRegister(link, add());
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(readRegister(path).entries).toHaveLength(1);
  });

  it('is as it was when the change fails, and can be changed again', () => {
    const path = newPath('{"version":1,"entries":[]}');
    expect(() =>
      changeRegister(path, () => {
        throw new RangeError('refused');
      }),
    ).toThrow(RangeError);
    expect(readFileSync(path, 'utf8')).toBe('{"version":1,"entries":[]}');
    changeRegister(path, add());
    expect(readRegister(path).entries).toHaveLength(1);
  });

  it('has one writer at a time: a second is refused, neither change is lost', () => {
    const path = newPath('{"version":1,"entries":[]}');
    changeRegister(path, (register) => {
      expect(codeOf(() => changeRegister(path, add()))).toBe('locked');
      return add()(register);
    });
    expect(readRegister(path).entries).toHaveLength(1);
    expect(existsSync(`${path}.lock`)).toBe(false);
  });

  it.each([
    ['not_found', undefined],
    ['unreadable', '{"version":1,'],
    ['invalid', '{"version":2,"entries":[]}'],
    ['invalid', '{"version":1,"entries":[{"agent":"a"}]}'],
  ])('is refused as %s when it holds %s', (code, text) => {
    expect(codeOf(() => readRegister(newPath(text)))).toBe(code);
  });

  it('that is broken is never written over', () => {
    const path = newPath('{"version":1,');
    expect(codeOf(() => changeRegister(path, (register) => ({ register })))).toBe('unreadable');
    expect(readFileSync(path, 'utf8')).toBe('{"version":1,');
  });

  it('is seen to change once per change, when it goes and when it comes back', () => {
    const path = newPath('{"version":1,"entries":[]}');
    const watch = new RegisterWatch(path);
    expect(watch.changed()).toBe(false);
    changeRegister(path, add());
    expect([watch.changed(), watch.changed()]).toEqual([true, false]);
  });
});

describe('entries', () => {
  it('in force already are not written twice', () => {
    const first = addEntries({ version: 1, entries: [] }, [entry()], NOW);
    const second = addEntries(first.register, [entry({ from: NOW.toISOString() })], NOW);
    expect(second.written).toEqual([]);
    expect(second.present).toEqual([{ number: 1, entry: entry() }]);
    expect(second.register).toEqual(first.register);
  });

  it.each([
    ['by somebody else', entry({ by: 'eve' })],
    ['under another ticket', entry({ ticket: 'CHG-9' })],
    ['until another day', entry({ until: '2027-01-01T00:00:00Z' })],
    ['with another component', entry({ components: { ...entry().components, memory: 'c'.repeat(64) } })],
  ])('%s are others', (_what, other) => {
    expect(addEntries({ version: 1, entries: [entry()] }, [other], NOW).written).toEqual([{ number: 2, entry: other }]);
  });

  it.each([
    ['withdrawn', entry({ withdrawn: '2026-02-01T00:00:00Z' })],
    ['over', entry({ until: '2026-02-01T00:00:00Z' })],
  ])('that are %s do not stand in the way of new ones', (_what, old) => {
    expect(addEntries({ version: 1, entries: [old] }, [entry({ until: old.until })], NOW).written).toHaveLength(1);
  });

  it('are withdrawn by number, ticket or state, marked with the time, and none is removed', () => {
    const entries = [entry(), entry({ ticket: 'CHG-2' }), entry({ agent: 'other' })];
    const register = { version: 1 as const, entries };
    const numbers = (selector: Parameters<typeof withdrawEntries>[1]) =>
      withdrawEntries(register, selector, NOW).withdrawn.map(({ number }) => number);
    expect(numbers({ number: 2 })).toEqual([2]);
    expect(numbers({ ticket: 'CHG-1' })).toEqual([1, 3]);
    expect(numbers({ states: [entry()] })).toEqual([1, 2]);
    expect(numbers({ ticket: 'CHG-1', states: [entry()] })).toEqual([1]);
    const after = withdrawEntries(register, { number: 2 }, NOW).register;
    expect(after.entries).toEqual([entries[0], { ...entries[1], withdrawn: NOW.toISOString() }, entries[2]]);
    expect(withdrawEntries(after, { number: 2 }, NOW).withdrawn).toEqual([]);
  });
});
