import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fingerprintDigest } from '@agent-custody/chain';
import { parsePolicy, policyValue } from '@agent-custody/policy';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { nodeHashing } from '../src/hashing.js';
import { type Collector, startCollector } from '../src/service.js';
import { run } from './command.js';
import { recordActions } from './recorded-actions.js';
import { send } from './recorded-session.js';

// Each test starts processes; how long that takes on a busy machine is no claim of theirs.
vi.setConfig({ testTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), 'custody-policy-'));
const ledger = join(folder, 'ledger.db');
const empty = join(folder, 'empty.db');

const session = recordActions([
  { tool: 'read_invoice', args: { id: 7 } },
  { tool: 'pay_invoice', args: { amount: 900 } },
  { tool: 'pay_invoice', args: { amount: 20 }, disclosed: false },
  { tool: 'send_email', args: { to: 'carol@example.com' }, decision: 'deny', status: 'denied' },
  { tool: '\u001b[2Jtool', status: null },
]);
const other = recordActions([{ tool: 'read_invoice' }]);
const hour = (at: number) => Date.UTC(2026, 10, 23, at);
/** Two processes; in one of them a session goes on while another one begins. */
const LIMIT = { default: 'allow', limits: [{ id: 'rate', tools: 'ask', calls: 3, within: '1h', per: 'agent' }] };
const [SPAWNS, UNDER] = [{ default: 'allow', breakers: [{ id: 'fan-out', spawns: 2, within: '1h' }] }, { process: 'one' }];
const policyOf = (document: unknown) => fingerprintDigest('policy', policyValue(parsePolicy(document)), nodeHashing);
const ask = { tool: 'ask' };
const first = recordActions([ask, ask, ask], { ...UNDER, startMs: hour(13) });
const second = recordActions([ask, ask], { ...UNDER, startMs: hour(13) + 3_500, policy: policyOf(LIMIT) });
const third = recordActions([ask], { process: 'two', startMs: hour(13) + 3_700 });
const starts = ['1', '2'].map((digit) => digit.repeat(32));
const parent = recordActions([{ tool: 'task', starts, refused: ['helper'] }], {
  process: 'three',
  startMs: hour(14),
  policy: policyOf(SPAWNS),
});
const orphan = recordActions([{ tool: 'task', starts: ['3'.repeat(32)] }, ask], { process: 'three', startMs: hour(16) }).filter(
  ({ seq }) => seq !== 2,
);
const holed = recordActions([ask, ask], { process: 'four', startMs: hour(15) }).filter(({ seq }) => seq !== 3);
const id = session[0]?.session ?? '';

let collector: Collector;
beforeAll(async () => {
  const options = { listen: { host: '127.0.0.1', port: 0 }, log: pino({ level: 'silent' }) };
  await (await startCollector({ ...options, ledger: empty })).close();
  collector = await startCollector({ ...options, ledger });
  for (const links of [session, other, first, second, third, parent, orphan, holed]) await send(collector.url, links);
});
afterAll(() => collector.close());

let files = 0;
function policy(text: unknown, name = `policy-${files++}.yaml`): string {
  const path = join(folder, name);
  writeFileSync(path, typeof text === 'string' ? text : JSON.stringify(text));
  return path;
}

const replayed = async (text: unknown, ...more: string[]) => {
  const { stdout, ...ended } = await run(['policy', 'replay', policy(text), '--ledger', ledger, '--session', id, '--json', ...more]);
  const [first] = JSON.parse(stdout) as {
    actions: { seq: number; tool: string; policy: { decision: string; rule?: string }; recorded: object }[];
  }[];
  return { ...ended, actions: first?.actions ?? [] };
};

describe('agent-custody policy check', () => {
  it('has nothing to note of a policy that is sound: 0', async () => {
    const file = policy({ allowed_tools: ['read_invoice'] });
    expect(await run(['policy', 'check', file])).toEqual({ status: 0, stdout: `${file}: nothing to note\n`, stderr: '' });
  });

  it('names file and path of what is wrong, of all files: 1', async () => {
    const [broken, weak] = [
      policy('default: deny\nrules: [{ tools: a, decision: permit }]'),
      policy({ name: 'x', allowed_tools: ['a'], blocked_tools: ['a'] }),
    ];
    const { status, stdout } = await run(['policy', 'check', broken, weak]);
    expect(status).toBe(1);
    expect(stdout.split('\n')[0]).toMatch(`${broken}: /rules/0/decision: `);
    expect(stdout.split('\n')[1]).toBe(`${weak}: /allowed_tools/0: a allows nothing: blocked_tools denies all of it [unreachable_pattern]`);
  });

  it('says when files cannot be in force together: 1', async () => {
    const { status, stdout } = await run(['policy', 'check', policy({ allowed_tools: ['a'] }), policy({ allowed_tools: ['b'] })]);
    expect({ status, stdout }).toMatchObject({ status: 1, stdout: expect.stringContaining('give each a name') });
  });

  it('compares with the tools on record, and repaints no terminal: 1', async () => {
    const { status, stdout } = await run([
      'policy',
      'check',
      policy({ allowed_tools: ['read_*', 'pay_invoice', 'send_email', 'wire'] }),
      '--ledger',
      ledger,
    ]);
    expect(status).toBe(1);
    expect(stdout).toContain('wire matches no tool of the recorded sessions [matches_nothing]');
    expect(stdout).toMatch(/the recorded tool \\u\{1b\}\[2Jtool is named by no list/);
    expect(stdout).not.toContain('\u001b');
  });

  it.each([
    ['a file that is not there', () => [join(folder, 'none.yaml')], /none\.yaml: the policy cannot be read: ENOENT/],
    ['no file', () => [], /missing required argument/],
    ['a ledger that is not there', () => [policy({ allowed_tools: ['a'] }), '--ledger', join(folder, 'none.db')], /there is no ledger/],
  ])('refuses %s: 64', async (_what, args, message) => {
    expect(await run(['policy', 'check', ...args()])).toMatchObject({ status: 64, stderr: expect.stringMatching(message) });
  });
});

describe('agent-custody policy replay', () => {
  it('tells what a policy would have decided, beside what was decided', async () => {
    const { status, actions } = await replayed({ allowed_tools: ['read_*', 'pay_invoice'] });
    expect(status).toBe(0);
    expect(actions.map(({ tool, recorded, policy: would }) => [tool, recorded, would.decision, would.rule])).toEqual([
      ['read_invoice', { decision: 'allow', rule: 'none', observed: null, status: 'ok' }, 'allow', 'allowed_tools/read_*'],
      ['pay_invoice', { decision: 'allow', rule: 'none', observed: null, status: 'ok' }, 'allow', 'allowed_tools/pay_invoice'],
      ['pay_invoice', { decision: 'allow', rule: 'none', observed: null, status: 'ok' }, 'allow', 'allowed_tools/pay_invoice'],
      ['send_email', { decision: 'deny', rule: 'none', observed: null, status: 'denied' }, 'deny', 'default'],
      ['\u001b[2Jtool', { decision: 'allow', rule: 'none', observed: null, status: null }, 'deny', 'default'],
    ]);
  });

  it('judges conditions by the arguments on record, and claims nothing where there are none', async () => {
    const limit = { tools: 'pay_invoice', when: [{ argument: '/amount', above: 500 }], decision: 'deny' };
    const { actions } = await replayed({ default: 'allow', rules: [limit] });
    expect(actions.filter(({ tool }) => tool === 'pay_invoice').map(({ policy: would }) => would.decision)).toEqual(['deny', 'undecided']);
  });

  it('decides without arguments what does not depend on them', async () => {
    const limit = { tools: 'pay_invoice', when: [{ argument: '/amount', above: 500 }], decision: 'deny' };
    const { actions } = await replayed({ default: 'allow', blocked_tools: ['pay_*'], rules: [limit] });
    expect(actions[2]?.policy).toMatchObject({ decision: 'deny', rule: 'blocked_tools/pay_*' });
  });

  it('claims nothing of what depends on an undecided call before it', async () => {
    const { actions } = await replayed({ default: 'allow', budgets: [{ tools: 'pay_*', sum: { argument: '/amount', at_most: 900 } }] });
    expect(actions.slice(1, 3).map(({ policy: would }) => would.decision)).toEqual(['allow', 'undecided']);
    const unlike = await replayed({ default: 'allow', breakers: [{ identical_calls: 1 }] });
    expect(unlike.actions.map(({ policy: would }) => would.decision)).toEqual(['allow', 'allow', 'allow', 'allow', 'allow']);
  });

  it('counts as if it had been enforced, and not what was denied then', async () => {
    const { actions } = await replayed({
      mode: 'observe',
      default: 'allow',
      limits: [{ calls: 3, within: '1h' }],
      budgets: [{ calls: 4 }],
    });
    expect(actions.map(({ policy: would }) => would.decision)).toEqual(['allow', 'allow', 'allow', 'deny', 'deny']);
    const budget = await replayed({ default: 'allow', budgets: [{ calls: 4 }] });
    expect(budget.actions.map(({ policy: would }) => would.decision)).toEqual(['allow', 'allow', 'allow', 'allow', 'allow']);
  });

  interface Session {
    readonly session: string;
    readonly process: string | null;
    readonly under_this_policy: number;
    readonly doubts: readonly string[];
    readonly actions: readonly { readonly policy: { readonly decision: string }; readonly same_as_recorded: boolean | null }[];
    readonly spawns: readonly {
      readonly agent: string | null;
      readonly policy: { readonly decision: string };
      readonly same_as_recorded: boolean;
    }[];
  }
  const all = async (document: unknown, ...more: string[]) => {
    const { stdout, stderr, status } = await run(['policy', 'replay', policy(document), '--ledger', ledger, '--json', ...more]);
    const sessions = new Map((JSON.parse(stdout) as Session[]).map((one) => [one.session, one]));
    const decisions = (links: readonly { readonly session: string }[]) =>
      sessions.get(links[0]?.session ?? '')?.actions.map(({ policy: would }) => would.decision);
    return { status, stderr, decisions, of: (links: readonly { readonly session: string }[]) => sessions.get(links[0]?.session ?? '') };
  };

  it('counts the sessions of one process together, as they ran, and each process by itself', async () => {
    const { decisions, of, stderr } = await all(LIMIT);
    // By the time of each call: first, first, second, first, second.
    expect([decisions(first), decisions(second), decisions(third)]).toEqual([['allow', 'allow', 'deny'], ['allow', 'deny'], ['allow']]);
    expect([of(first), of(second), of(third)].map((one) => one?.process)).toEqual(['one', 'one', 'two']);
    expect(stderr).toMatch(/the record is of 5 processes, and what is counted over sessions was counted for each by itself/);
  });

  it('counts agents that calls started, and sets those that were refused beside what it would have decided', async () => {
    const { of } = await all(SPAWNS);
    const { spawns, under_this_policy, doubts } = of(parent) as Session;
    expect(spawns.map(({ agent, policy: would, same_as_recorded }) => [agent, would.decision, same_as_recorded])).toEqual([
      [null, 'allow', true],
      [null, 'allow', true],
      ['helper', 'deny', true],
    ]);
    expect([under_this_policy, doubts]).toEqual([4, []]);
    const { stdout } = await run([
      'policy',
      'replay',
      policy({ default: 'allow' }),
      '--ledger',
      ledger,
      '--session',
      parent[0]?.session ?? '',
    ]);
    expect(stdout).toContain(`seq 3  start of session ${starts[0]}  on record: allow (none)  policy: allow (default)`);
    expect(stdout).toContain('start of agent helper  on record: deny (fan-out)  policy: allow (default)  <- No circuit breaker objects');
    expect(stdout).toContain('; 3 agents started or refused\n  decided then without this policy\n');
  });

  it('says under which policy it was decided', async () => {
    const { of } = await all(LIMIT);
    expect([of(first)?.under_this_policy, of(second)?.under_this_policy]).toEqual([0, 2]);
  });

  it('says what it rests on that is not on record', async () => {
    const { of } = await all(LIMIT);
    expect(of(holed)?.doubts).toEqual(['links_missing']);
    expect(of(other)?.doubts).toEqual(['process_unknown']);
    expect(of(first)?.doubts).toEqual([]);
    const alone = await all(LIMIT, '--session', second[0]?.session ?? '');
    expect([alone.of(second)?.doubts, alone.decisions(second)]).toEqual([['other_sessions'], ['allow', 'allow']]);
    const undecided = await all({
      ...LIMIT,
      rules: [{ tools: 'pay_*', when: [{ argument: '/amount', above: 500 }], decision: 'deny' }],
    });
    expect(undecided.of(session)?.doubts).toEqual(['process_unknown', 'undecided_before']);
    const { stdout } = await run(['policy', 'replay', policy(LIMIT), '--ledger', ledger]);
    expect(stdout).toMatch(/note: links of this session are not on record, and what they held is not counted \[links_missing\]/);
  });

  it('does not place an agent that was started in a call which is not on record', async () => {
    const { of } = await all(SPAWNS);
    expect(of(orphan)?.doubts).toEqual(['links_missing', 'spawn_unplaced']);
  });

  it('prints a line for each action and a sum for each session, and repaints no terminal', async () => {
    const rule = { tools: 'pay_invoice', when: [{ argument: '/amount', above: 500 }], decision: 'require_approval' };
    const { status, stdout } = await run(['policy', 'replay', policy({ default: 'allow', rules: [rule] })], {
      env: { CUSTODY_LEDGER: ledger },
    });
    expect(status).toBe(0);
    expect(stdout).toContain(`${id}  agent billing-bot for alice@example.com\n`);
    expect(stdout).toContain(
      'seq 4  pay_invoice  on record: allow (none)  policy: require_approval (rules/0)  <- Approval is required by rules/0.',
    );
    expect(stdout).toContain(
      'policy: undecided, arguments not on record: conditions undecided (allow (default), or require_approval (rules/0))',
    );
    expect(stdout).toContain('5 actions: 2 decided as on record, 2 otherwise, 1 undecided');
    expect(stdout).toContain('1 actions: 1 decided as on record');
    expect(stdout).not.toContain('\u001b');
  });

  it.each([
    ['2: nothing is on record', () => [policy({ allowed_tools: ['a'] }), '--ledger', empty], 2, /nothing to replay/],
    [
      '2: nothing of the session is on record',
      () => [policy({ allowed_tools: ['a'] }), '--ledger', ledger, '--session', '0'.repeat(32)],
      2,
      /nothing to replay/,
    ],
    [
      '64: a session id that is none',
      () => [policy({ allowed_tools: ['a'] }), '--ledger', ledger, '--session', 'x'],
      64,
      /32 lower-case hex/,
    ],
    ['64: a file that is no policy', () => [policy('rules: 1'), '--ledger', ledger], 64, /\/rules: /],
  ])('exits with %s', async (_what, args, status, message) => {
    expect(await run(['policy', 'replay', ...args()])).toMatchObject({ status, stderr: expect.stringMatching(message) });
  });
});
