import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { readSqliteLedger } from '../src/ledger/index.js';
import { COMMAND, cleanEnv, run } from './command.js';
import { edited, recordSession, send } from './recorded-session.js';
import { SECRET, WebhookReceiver } from './webhook-receiver.js';

vi.setConfig({ testTimeout: 60_000 });

/** `agent-custody collect` in a process of its own. */
class Collecting {
  readonly log: string[] = [];
  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
  ) {}

  static async start(ledger: string, args: readonly string[], env: Record<string, string> = {}): Promise<Collecting> {
    const child = spawn(process.execPath, [COMMAND, 'collect', '--listen', '127.0.0.1:0', '--ledger', ledger, ...args], {
      env: cleanEnv(env),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const lines: string[] = [];
    const url = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stderr }).on('line', (line) => {
        lines.push(line);
        const address = /"address":"([^"]+)"/.exec(line)?.[1];
        if (address !== undefined) resolve(address);
      });
      child.once('exit', () => reject(new TypeError(`it did not start: ${lines.join('\n')}`)));
    });
    const collecting = new Collecting(child, url);
    collecting.log.push(...lines);
    running.push(collecting);
    return collecting;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill(signal);
    await exited;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

const running: Collecting[] = [];
const receivers: WebhookReceiver[] = [];
afterEach(async () => {
  for (const collecting of running.splice(0)) await collecting.end('SIGKILL');
  for (const receiver of receivers.splice(0)) await receiver.close();
});

const newPath = (name: string) => join(mkdtempSync(join(tmpdir(), 'custody-notify-')), name);
const tampered = () => recordSession().map((link) => (link.seq === 2 ? edited(link) : link));

describe('a collector that is killed', () => {
  it('between recording and telling: tells it once it runs again, with the id that it had', async () => {
    const ledger = newPath('ledger.db');
    const env = { CUSTODY_FINDINGS_WEBHOOK_SECRET: SECRET };
    const hooks = new WebhookReceiver();
    receivers.push(hooks);
    const url = await hooks.listen();
    // It takes the message, and the collector never hears that it did.
    hooks.script.push({ status: 0 });
    const first = await Collecting.start(ledger, ['--findings-webhook', url], env);
    await send(first.url, tampered());
    await hooks.until(() => hooks.delivered.length === 1);
    await first.end('SIGKILL');
    await Collecting.start(ledger, ['--findings-webhook', url], env);
    await hooks.until(() => hooks.delivered.length === 2);
    const [before, after] = hooks.delivered;
    expect(after?.id).toBe(before?.id);
    expect([before?.message?.data['code'], after?.message?.data['code']]).toEqual(['content_mismatch', 'content_mismatch']);
    // A message that was told is not told again.
    const reader = readSqliteLedger(ledger);
    while (reader.notices('webhook', 1).length > 0) await delay(5);
    reader.close();
  });

  it('with the receiver down all the time: tells all of it when there is one', async () => {
    const ledger = newPath('ledger.db');
    const env = { CUSTODY_FINDINGS_WEBHOOK_SECRET: SECRET };
    const nobody = new WebhookReceiver();
    const url = await nobody.listen();
    await nobody.close();
    const first = await Collecting.start(ledger, ['--findings-webhook', url], env);
    await send(first.url, [...tampered(), ...tampered(), ...tampered()]);
    await first.end('SIGKILL');
    const hooks = new WebhookReceiver();
    receivers.push(hooks);
    await hooks.listen(Number(new URL(url).port));
    await Collecting.start(ledger, ['--findings-webhook', url], env);
    await hooks.until(() => hooks.delivered.length === 3);
    expect(new Set(hooks.delivered.map(({ id }) => id)).size).toBe(3);
  });

  it('loses no line of the findings log, over a rotation with SIGHUP and a kill', async () => {
    const ledger = newPath('ledger.db');
    const file = newPath('findings.jsonl');
    const first = await Collecting.start(ledger, ['--findings-log', file]);
    const sessions = [tampered(), tampered(), tampered()] as const;
    await send(first.url, sessions[0]);
    await lines(file, 1);
    renameSync(file, `${file}.1`);
    first.signal('SIGHUP');
    await send(first.url, sessions[1]);
    await first.end('SIGKILL');
    const second = await Collecting.start(ledger, ['--findings-log', file]);
    await send(second.url, sessions[2]);
    await lines(file, 2);
    await second.end('SIGTERM');
    const told = [`${file}.1`, file].flatMap((path) => readFileSync(path, 'utf8').trimEnd().split('\n'));
    const seen = new Set(told.map((line) => (JSON.parse(line) as { session: string }).session));
    expect(seen).toEqual(new Set(sessions.map((links) => links[0]?.session)));
  });

  async function lines(file: string, count: number): Promise<void> {
    for (;;) {
      try {
        if (readFileSync(file, 'utf8').split('\n').length > count) return;
      } catch {
        // Not there yet.
      }
      await delay(5);
    }
  }
});

describe('agent-custody collect refuses', () => {
  it.each([
    ['a webhook that nothing is signed with', ['--findings-webhook', 'https://soc.example.com/h'], {}, 'a webhook needs a secret'],
    ['a secret without a webhook', [], { CUSTODY_FINDINGS_WEBHOOK_SECRET: SECRET }, 'there is no --findings-webhook'],
    [
      'a secret that is none, without repeating it',
      ['--findings-webhook', 'https://soc.example.com/h'],
      { CUSTODY_FINDINGS_WEBHOOK_SECRET: 'hunter2hunter2' },
      'expected whsec_',
    ],
    ['a retention that is too short', ['--retain-days', '30'], {}, 'a whole number of days from 180'],
  ] as const)('%s', async (_what, args, env, says) => {
    const { status, stderr } = await run(['collect', '--listen', '127.0.0.1:0', '--ledger', newPath('ledger.db'), ...args], { env });
    expect({ status, stderr }).toEqual({ status: 64, stderr: expect.stringContaining(says) });
    expect(stderr).not.toContain('hunter2');
  });
});
