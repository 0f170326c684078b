import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ATTR } from '@agent-custody/chain';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runAction } from '../src/action.js';
import { audited } from '../src/audited.js';
import { openGuard } from '../src/enforce/open.js';
import { PolicyFiles } from '../src/enforce/policy-files.js';
import { PolicyGuard } from '../src/enforce/policy-guard.js';
import { shutDownSessions } from '../src/exit.js';
import { configure } from '../src/global.js';
import { session } from '../src/session.js';
import { findings, kinds, memoryChannel, type Recording, record } from './support/recording.js';

// Policies in files, as they decide about an agent's actions and as the chain says so.

let recording: Recording;
let folder: string;
let now: number;
let said: string[];
beforeEach(() => {
  recording = record();
  folder = mkdtempSync(join(tmpdir(), 'custody-policy-'));
  now = 0;
  said = [];
});
afterEach(async () => {
  await recording.stop();
});

const agent = { id: 'billing-bot' };
const file = (name: string, policy: unknown): string => {
  const path = join(folder, name);
  // As editors and deployments do: a whole new file in the place of the old one.
  writeFileSync(`${path}.new`, typeof policy === 'string' ? policy : JSON.stringify(policy));
  renameSync(`${path}.new`, path);
  return path;
};
const filesOf = (...paths: string[]) => new PolicyFiles(paths, { now: () => now, say: (line) => said.push(line) });
const enforce = (...paths: string[]): void => {
  configure({ guard: new PolicyGuard({ files: filesOf(...paths), approvals: undefined, acknowledged: false }) });
};
const call = (name: string, more: object = {}) => runAction({ tool: { name }, arguments: { to: 'bob' }, ...more }, () => 'ran');
const attempt = (name: string): string => {
  try {
    return call(name);
  } catch (error) {
    return (error as Error).message;
  }
};
const intents = (key: string) => recording.kind('action.intent').map((link) => link.attributes[key]);
const expectHonest = (): void => {
  shutDownSessions();
  expect(findings(recording.links())).toEqual([]);
};
const SIMPLE = { allowed_tools: ['read_database'], blocked_tools: ['send_email'] };

describe('a policy file', () => {
  test('decides about each action, and the intent names decision and rule', () => {
    enforce(file('policy.json', SIMPLE));
    session({ agent }, () => {
      expect(attempt('read_database')).toBe('ran');
      expect(attempt('send_email')).toMatch(/refused by policy \(blocked_tools\/send_email\)/);
      expect(attempt('execute_shell')).toMatch(/refused by policy \(default\)/);
    });
    expect(intents(ATTR.policyDecision)).toEqual(['allow', 'deny', 'deny']);
    expect(intents(ATTR.policyRule)).toEqual(['allowed_tools/read_database', 'blocked_tools/send_email', 'default']);
    expectHonest();
  });

  test('is a component of the fingerprint, whatever its formatting', () => {
    const [json, yaml] = [
      file('policy.json', SIMPLE),
      file('policy.yaml', 'blocked_tools: [send_email]\nallowed_tools:\n  - read_database\n'),
    ];
    for (const path of [json, yaml]) {
      enforce(path);
      session({ agent }, () => call('read_database'));
    }
    const [first, second] = recording.kind('session.start').map(({ attributes }) => attributes['custody.fingerprint.policy']);
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(second).toBe(first);
    expectHonest();
  });

  test('that changes takes force before the next action, as a fingerprint.change', () => {
    const path = file('policy.json', SIMPLE);
    enforce(path);
    session({ agent }, () => {
      call('read_database');
      file('policy.json', { allowed_tools: ['send_email'] });
      now += 1_000;
      expect(attempt('send_email')).toBe('ran');
      expect(attempt('read_database')).toMatch(/default/);
    });
    expect(kinds(recording.links()).filter((kind) => kind !== 'action.outcome')).toEqual([
      'session.start',
      'action.intent',
      'fingerprint.change',
      'action.intent',
      'action.intent',
      'session.end',
    ]);
    expect(recording.kind('fingerprint.change')[0]?.attributes[ATTR.fingerprintChanged]).toEqual(['policy']);
    expect(said).toEqual([expect.stringMatching(/has changed and is in force/)]);
    expectHonest();
  });

  test('that breaks leaves the last good one in force, says so once, and is picked up when it is mended', () => {
    const path = file('policy.json', SIMPLE);
    enforce(path);
    session({ agent }, () => {
      call('read_database');
      file('policy.json', '{ "allowed_tools": ["send_email"');
      now += 1_000;
      expect(attempt('send_email')).toMatch(/blocked_tools/);
      now += 1_000;
      expect(attempt('read_database')).toBe('ran');
      file('policy.json', { allowed_tools: ['send_email'] });
      now += 1_000;
      expect(attempt('send_email')).toBe('ran');
    });
    expect(said).toEqual([expect.stringMatching(/last good policy stays in force: .*policy\.json/), expect.stringMatching(/has changed/)]);
    expectHonest();
  });

  test.each<[string, (path: string) => unknown]>([
    ['is taken away', (path) => rmSync(path)],
    ['becomes a folder', (path) => [rmSync(path), mkdirSync(path)]],
    ['is emptied', (path) => writeFileSync(path, '')],
    ['is no text', (path) => writeFileSync(path, Buffer.from('{"allowed_tools":["send_email","\xff"]}', 'latin1'))],
  ])('that %s leaves the last good one in force, and says so', (_how, change) => {
    const path = file('policy.json', SIMPLE);
    enforce(path);
    session({ agent }, () => {
      change(path);
      now += 1_000;
      expect(attempt('read_database')).toBe('ran');
      expect(attempt('send_email')).toMatch(/blocked_tools/);
    });
    expect(said).toEqual([expect.stringMatching(/cannot be used, the last good policy stays in force: .*policy\.json/)]);
    expectHonest();
  });

  test('that is being written is not read halfway', () => {
    const path = file('policy.yaml', `default: allow\n#${' '.repeat(100)}\nblocked_tools: [send_email]\n`);
    const whole = readFileSync(path, 'utf8');
    let reads = 0;
    const files = new PolicyFiles([path], {
      now: () => now,
      say: (line) => said.push(line),
      read: (name) => {
        reads++;
        if (reads !== 2) return readFileSync(name);
        // Somebody writes on while it is being read.
        writeFileSync(name, `${whole}# more\n`);
        return Buffer.from('default: allow\n');
      },
    });
    const { digest } = files;
    writeFileSync(path, whole.slice(0, 20));
    now += 1_000;
    files.look();
    expect(files.digest).toBe(digest);
    now += 1_000;
    files.look();
    expect([files.digest, reads, said]).toEqual([digest, 3, []]);
  });

  test.each([
    ['is not there', () => join(folder, 'none.json')],
    ['is no policy', () => file('policy.json', { allow: 'all' })],
  ])('that %s at the start denies everything', (_how, path) => {
    enforce(path());
    session({ agent }, () => expect(attempt('read_database')).toMatch(/no policy could be read/));
    expect(intents(ATTR.policyDecision)).toEqual(['deny']);
    expect(said).toEqual([expect.stringMatching(/every tool call is denied/)]);
    expectHonest();
  });

  test('beside another one can only tighten it', () => {
    enforce(
      file('company.json', { name: 'company', default: 'allow', blocked_tools: ['send_email'] }),
      file('team.json', { name: 'team', default: 'allow' }),
    );
    session({ agent }, () => {
      expect(attempt('send_email')).toMatch(/company:blocked_tools\/send_email/);
      expect(attempt('read_database')).toBe('ran');
    });
    expectHonest();
  });

  test('that observes lets everything run, and the intent says what it would have decided', () => {
    enforce(file('policy.json', { ...SIMPLE, mode: 'observe' }));
    session({ agent }, () => expect(attempt('send_email')).toBe('ran'));
    expect(intents(ATTR.policyDecision)).toEqual(['allow']);
    expect(intents(ATTR.policyObserved)).toEqual(['deny']);
    expect(intents(ATTR.policyRule)).toEqual(['blocked_tools/send_email']);
    expectHonest();
  });

  test('counts over sessions, and learns from how actions end', () => {
    enforce(
      file(
        'policy.yaml',
        'default: allow\nbreakers:\n  - { id: failing, tools: [fetch], consecutive_errors: 2, open_for: 1h, per: tool }\n',
      ),
    );
    const fails = (): string => {
      try {
        return runAction({ tool: { name: 'fetch' }, arguments: {} }, () => {
          throw new Error('down');
        });
      } catch (error) {
        return (error as Error).message;
      }
    };
    session({ agent }, () => expect([fails(), fails()]).toEqual(['down', 'down']));
    session({ agent }, () => expect(fails()).toMatch(/refused by policy \(failing\)/));
    expectHonest();
  });
});

describe('durability: acknowledged', () => {
  const acknowledged = (delivered: boolean) => {
    const { channel } = memoryChannel();
    let asked = 0;
    configure({
      evidence: { ...channel, flush: async () => ({ delivered, pending: delivered ? 0 : ++asked }) },
      guard: openGuard({ policy: undefined, acknowledged: true, endpoint: undefined, headers: {} }),
    });
  };

  test('lets a tool run once the collector has its intent', async () => {
    acknowledged(true);
    expect(await call('read_database', { awaited: 'promise' })).toBe('ran');
  });

  test('keeps it from running when the collector does not answer in time', async () => {
    acknowledged(false);
    await expect(call('read_database', { awaited: 'promise' })).rejects.toThrow(/has not taken its intent in time/);
  });

  test('keeps it from running without an evidence channel, and when it is synchronous', async () => {
    configure({ guard: openGuard({ policy: undefined, acknowledged: true, endpoint: undefined, headers: {} }) });
    await expect(call('read_database', { awaited: 'promise' })).rejects.toThrow(/no evidence channel/);
    expect(attempt('read_database')).toMatch(/it is synchronous/);
    expectHonest();
  });

  test.each([
    ['a policy names', () => filesOf(file('policy.json', { default: 'allow', durability: { acknowledged: ['pay*'] } })), false],
    ['the settings ask for of all', () => filesOf(file('policy.json', { default: 'allow' })), true],
  ])('is refused when a synchronous function is wrapped which %s', (_which, files, all) => {
    configure({ guard: new PolicyGuard({ files: files(), approvals: undefined, acknowledged: all }) });
    expect(() => audited('pay', () => 'paid')).toThrow(/durability 'acknowledged' has to wait .* the function is not async/);
    expect(audited('pay', async () => 'paid')).toBeTypeOf('function');
    if (!all) expect(audited('look', () => 'seen')()).toBe('seen');
  });

  test('can be asked for one function, and is refused for a synchronous one when it is wrapped', async () => {
    acknowledged(true);
    configure({ guard: undefined });
    const pay = audited('pay', async () => 'paid', { durability: 'acknowledged' });
    expect(await pay()).toBe('paid');
    expect(() => audited('pay', () => 'paid', { durability: 'acknowledged' })).toThrow(/the function is not async/);
    acknowledged(false);
    configure({ guard: undefined });
    await expect(pay()).rejects.toThrow(/has not taken its intent/);
  });
});
