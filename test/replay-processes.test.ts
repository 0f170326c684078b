import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type Running, runCommand, startAgent, startCollector } from './processes.js';

// Replicas of an agent under one policy, and the command that replays it on what they recorded: all of it real processes.

const POLICY = `
default: allow
rules:
  - { id: too-much, tools: [pay], when: [{ argument: /amount, above: 10000 }], decision: deny }
limits:
  - { id: two-an-hour, tools: [pay], calls: 2, within: 1h, per: agent }
`;
const folder = mkdtempSync(join(tmpdir(), 'custody-replay-'));
const started: Running[] = [];
afterAll(async () => {
  await Promise.all(started.map((process) => process.kill('SIGKILL')));
  rmSync(folder, { recursive: true, force: true });
});

interface Session {
  readonly process: string;
  readonly under_this_policy: number;
  readonly doubts: readonly string[];
  readonly actions: readonly { readonly policy: { readonly rule: string }; readonly same_as_recorded: boolean }[];
}

test('each replica had its own counts, and the replay decides what each of them decided', async () => {
  const [policy, ledger] = [join(folder, 'policy.yaml'), join(folder, 'ledger.db')];
  writeFileSync(policy, POLICY);
  const { process: collector, url } = await startCollector(['--ledger', ledger, '--listen', '127.0.0.1:0']);
  const env = { CUSTODY_ENDPOINT: url, CUSTODY_POLICY: policy, OTEL_TRACES_EXPORTER: 'none' };
  const agents = ['one', 'two'].map((spool) => startAgent('cashier', { ...env, CUSTODY_SPOOL: join(folder, spool) }));
  started.push(collector, ...agents);
  for (const agent of agents) {
    await agent.line(/^ready/);
    for (const [amount, said] of [
      [1, /^paid 1$/],
      [20_000, /^refused: .*too-much/],
      [2, /^paid 2$/],
      [3, /^refused: .*two-an-hour/],
    ] as const) {
      agent.tell(String(amount));
      await agent.line(said);
    }
  }
  for (const agent of agents) agent.tell('end');
  await Promise.all(agents.map((agent) => agent.closed));
  const { status, stdout } = await runCommand(['policy', 'replay', policy, '--ledger', ledger, '--json']);
  expect(status).toBe(0);
  const sessions = JSON.parse(stdout) as readonly Session[];
  expect(new Set(sessions.map(({ process }) => process)).size).toBe(2);
  for (const { actions, under_this_policy, doubts } of sessions) {
    expect(actions.map(({ policy: would }) => would.rule)).toEqual(['default', 'too-much', 'default', 'two-an-hour']);
    expect(actions.every(({ same_as_recorded }) => same_as_recorded)).toBe(true);
    expect([under_this_policy, doubts]).toEqual([4, []]);
  }
});
