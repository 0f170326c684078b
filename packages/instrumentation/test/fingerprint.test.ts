import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fingerprintDigest } from '@agent-custody/chain';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hashFiles, sha256 } from '../src/files.js';
import { FingerprintMeter } from '../src/fingerprint.js';
import { nodeHashing } from '../src/hashing.js';
import type { ModelRequest } from '../src/types.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'custody-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const write = (path: string, content: string) => {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), content);
};
const digest = (component: string, value: unknown) => fingerprintDigest(component, value, nodeHashing);
const request = (changes: Partial<ModelRequest>): ModelRequest => ({ systemPrompt: null, tools: null, ...changes });

describe('files', () => {
  test('are named relative to the root with /, sorted by code unit, with folders taken whole', () => {
    write('b.md', 'B');
    write('notes/z.md', 'Z');
    write('notes/deep/a.md', 'A');
    write('Z.md', 'upper');
    expect(hashFiles(['notes', 'b.md', join(root, 'Z.md'), 'missing.md', 'notes/z.md'], root)).toEqual([
      { path: 'Z.md', sha256: sha256('upper') },
      { path: 'b.md', sha256: sha256('B') },
      { path: 'notes/deep/a.md', sha256: sha256('A') },
      { path: 'notes/z.md', sha256: sha256('Z') },
    ]);
  });

  test('linked are read, linked folders are not followed', () => {
    write('real/a.md', 'A');
    mkdirSync(join(root, 'memory'));
    symlinkSync(join(root, 'real/a.md'), join(root, 'memory/a.md'));
    symlinkSync(join(root, 'memory'), join(root, 'memory/loop'));
    expect(hashFiles(['memory'], root)).toEqual([{ path: 'memory/a.md', sha256: sha256('A') }]);
  });

  test('changed behind an unchanged size and time are read again', () => {
    write('a.md', 'pay Ann');
    const long = new Date(Date.now() - 3_600_000);
    utimesSync(join(root, 'a.md'), long, long);
    const before = hashFiles(['a.md'], root);
    write('a.md', 'pay Bob');
    utimesSync(join(root, 'a.md'), long, long);
    expect(hashFiles(['a.md'], root)).not.toEqual(before);
  });
});

describe('the fingerprint', () => {
  test('of a session before any model call has unknown prompt and tools, and no memory', () => {
    expect(new FingerprintMeter({}).initial(undefined)).toEqual({
      system_prompt: digest('system_prompt', null),
      tools: digest('tools', null),
      memory: digest('memory', []),
    });
  });

  test("differs from another session's where JSON.stringify would show no difference", () => {
    const offered = (parameters: unknown) =>
      new FingerprintMeter({}).asked(request({ tools: [{ name: 'pay', description: 'Pays', parameters }] }));
    const known = offered({}).tools;
    expect(offered({}).tools).toBe(known);
    expect(offered(new Set(['mallory'])).tools).not.toBe(known);
    expect(offered(new Set(['alice'])).tools).not.toBe(offered(new Set(['mallory'])).tools);
  });

  test('is of what is sent: text or parts, tools in any order, model', () => {
    const meter = new FingerprintMeter({});
    const tools = [{ name: 'b', description: 'B', parameters: { type: 'object' } }, { name: 'a' }];
    const expected = [
      { name: 'a', description: '', parameters: {} },
      { name: 'b', description: 'B', parameters: { type: 'object' } },
    ];
    expect(meter.asked(request({ systemPrompt: 'You pay.', tools, model: { provider: 'acme', name: 'm1' } }))).toEqual({
      system_prompt: digest('system_prompt', 'You pay.'),
      tools: digest('tools', expected),
      memory: digest('memory', []),
      model: digest('model', { provider: 'acme', name: 'm1' }),
    });
    expect(meter.asked(request({ tools: [...tools].reverse() })).tools).toBe(digest('tools', expected));
    expect(meter.asked(request({ systemPrompt: ['You pay.', 'You are careful.'] })).system_prompt).toBe(
      digest('system_prompt', ['You pay.', 'You are careful.']),
    );
  });

  test('sees a tool list that was changed in place', () => {
    const meter = new FingerprintMeter({});
    const tools = [{ name: 'pay', description: 'Pays' }];
    const before = meter.asked(request({ tools })).tools;
    (tools[0] as { description: string }).description = 'Pays mallory';
    expect(meter.asked(request({ tools })).tools).not.toBe(before);
  });

  test('of parameters that are no JSON can be taken all the same', () => {
    const cycle: Record<string, unknown> = { size: 1n };
    cycle['self'] = cycle;
    const meter = new FingerprintMeter({});
    expect(meter.asked(request({ tools: [{ name: 'odd', parameters: cycle }] })).tools).toMatch(/^[0-9a-f]{64}$/);
  });

  test('masks what changes honestly', () => {
    const meter = new FingerprintMeter({ mask: [/\d{4}-\d{2}-\d{2}/, 'for \\w+'] });
    const expected = digest('system_prompt', { text: 'Today is ‹masked›, ‹masked›.', masks: ['\\d{4}-\\d{2}-\\d{2}', 'for \\w+'] });
    expect(meter.asked(request({ systemPrompt: 'Today is 2026-11-22, for ann.' })).system_prompt).toBe(expected);
    expect(meter.asked(request({ systemPrompt: 'Today is 2026-11-23, for bob.' })).system_prompt).toBe(expected);
    expect(meter.asked(request({ systemPrompt: 'Tomorrow is 2026-11-23, for bob.' })).system_prompt).not.toBe(expected);
  });

  test('takes memory from files, entries or text', () => {
    write('memory/a.md', 'A');
    const entry = { path: 'memory/a.md', sha256: sha256('A') };
    expect(new FingerprintMeter({ root, memory: ['memory'] }).memoryNow()).toBe(digest('memory', [entry]));
    expect(new FingerprintMeter({ memory: () => [{ path: 'memory/a.md', content: 'A' }] }).memoryNow()).toBe(digest('memory', [entry]));
    expect(new FingerprintMeter({ memory: () => [entry] }).memoryNow()).toBe(digest('memory', [entry]));
    const whole = digest('memory', [{ path: 'memory', sha256: sha256('A') }]);
    expect(new FingerprintMeter({ memory: () => 'A' }).memoryNow()).toBe(whole);
    expect(new FingerprintMeter({ memory: () => new TextEncoder().encode('A') }).memoryNow()).toBe(whole);
  });

  test('has dependencies and code when they are named', () => {
    write('package-lock.json', '{}');
    write('src/agent.js', 'run()');
    const meter = new FingerprintMeter({ root, dependencies: ['package-lock.json'], code: ['src'] });
    expect(meter.initial(undefined)).toMatchObject({
      dependencies: digest('dependencies', [{ path: 'package-lock.json', sha256: sha256('{}') }]),
      code: digest('code', [{ path: 'src/agent.js', sha256: sha256('run()') }]),
    });
  });
});
