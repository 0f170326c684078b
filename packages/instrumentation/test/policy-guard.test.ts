import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { mkdtempSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ATTR } from '@agent-custody/chain';
import { context, propagation } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runAction } from '../src/action.js';
import { PolicyFiles } from '../src/enforce/policy-files.js';
import { PolicyGuard } from '../src/enforce/policy-guard.js';
import { shutDownSessions } from '../src/exit.js';
import { configure } from '../src/global.js';
import { session } from '../src/session.js';
import { findings, type Recording, record } from './support/recording.js';

// A policy that changes while a human thinks, and agents that start agents.

let recording: Recording;
let path: string;
let now: number;
let server: Server;
/** Before the human approves. */
let meanwhile: () => void;
beforeEach(async () => {
  recording = record();
  path = join(mkdtempSync(join(tmpdir(), 'custody-policy-')), 'policy.yaml');
  now = 0;
  meanwhile = () => undefined;
  let digest = '';
  server = createServer(async (request, response) => {
    let text = '';
    for await (const piece of request as AsyncIterable<Buffer>) text += piece.toString();
    const { arguments_digest: asked = digest } = JSON.parse(text) as { arguments_digest?: string };
    digest = asked;
    if (request.url?.endsWith('/claim') === false) meanwhile();
    const decisions = [{ decision: 'approved', approver: 'bob' }];
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ state: 'approved', arguments_digest: digest, decisions }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await recording.stop();
});

const agent = { id: 'billing-bot' };
function inForce(policy: string): void {
  write(policy);
  const files = new PolicyFiles([path], { now: () => now, say: () => undefined });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  configure({ guard: new PolicyGuard({ files, approvals: { url, headers: {} }, acknowledged: false }) });
}
function write(policy: string): void {
  writeFileSync(`${path}.new`, policy);
  renameSync(`${path}.new`, path);
}
const pay = () => runAction({ tool: { name: 'pay' }, arguments: { amount: 900 }, awaited: 'promise' }, async () => 'paid');
const expectHonest = (): void => {
  shutDownSessions();
  expect(findings(recording.links())).toEqual([]);
};
const asking = (more = '', approval = ''): string =>
  `default: allow\nrules:\n  - { id: large, tools: pay, decision: require_approval, approval: { expires: 10s${approval} } }\n${more}`;

describe('an approval that was asked for under a policy which has changed since', () => {
  const changed = async (policy: string): Promise<string> => {
    inForce(asking());
    meanwhile = () => {
      write(policy);
      now += 1_000;
    };
    return session({ agent }, () => pay().catch((error: Error) => error.message));
  };

  test.each<[string, string, RegExp]>([
    ['denies it', 'blocked_tools: [pay]\n', /changed while it waited, and blocked_tools\/pay denies it/],
    ['asks for two', asking('', ', count: 2'), /changed while it waited, and large asks for another approval/],
    ['names others', asking('', ', approvers: [carol@example.com]'), /asks for another approval/],
  ])('is none where the new one %s, and is on record all the same', async (_how, policy, message) => {
    expect(await changed(policy)).toMatch(message);
    expect(recording.kind('approval')[0]?.attributes[ATTR.approvalApprover]).toBe('bob');
    expectHonest();
  });

  test.each([
    ['asks for the same', asking('limits:\n  - { id: once, tools: pay, calls: 1, within: 1h }\n')],
    ['does not ask any more', 'default: allow\n'],
    ['cannot be read', 'default: [\n'],
  ])('holds where the new one %s', async (_how, policy) => {
    expect(await changed(policy)).toBe('paid');
    expectHonest();
  });
});

test('a rule that only observes is not named in the place of the one that asks', async () => {
  inForce(
    `${asking()}  - { id: watched, tools: pay, mode: observe, decision: deny }\nhours:\n  - { zone: UTC, from: '00:00', to: '00:01', days: [mon], mode: observe }\n`,
  );
  await session({ agent }, pay);
  expect(recording.kind('action.intent')[0]?.attributes[ATTR.policyRule]).toBe('large');
  expectHonest();
});

describe('agents that start agents', () => {
  const POLICY = 'default: allow\nbreakers:\n  - { id: fan-out, spawns: 2, within: 10m, open_for: 10m }\n';
  const delegate = (children: number): string[] =>
    runAction({ tool: { name: 'delegate' }, arguments: {} }, () =>
      Array.from({ length: children }, () => {
        try {
          return session({ agent: { id: 'helper' } }, () => runAction({ tool: { name: 'look' }, arguments: {} }, () => 'helped'));
        } catch (error) {
          return (error as Error).message;
        }
      }),
    );
  const REFUSED = expect.stringMatching(/refused by policy \(fan-out\).*more than 2 agents started/) as string;

  test('start no more than the policy lets them, be it by one call or by many', () => {
    inForce(POLICY);
    session({ agent }, () => expect(delegate(3)).toEqual(['helped', 'helped', REFUSED]));
    session({ agent }, () => {
      expect([delegate(1), delegate(1), delegate(1)]).toEqual([['helped'], ['helped'], [REFUSED]]);
      expect(() => delegate(1)).toThrow(/fan-out/);
    });
    expect(recording.kind('child.spawn')).toHaveLength(4);
    expectHonest();
  });

  test('are on record: one that starts names the action that it is for, one that is refused is an action that never ran', () => {
    inForce(POLICY.replace('spawns: 2', 'spawns: 1'));
    session({ agent }, () => delegate(2));
    const [outer] = recording.kind('action.intent').filter(({ attributes }) => attributes[ATTR.toolName] === 'delegate');
    const inside = { [ATTR.actionParentId]: outer?.attributes[ATTR.actionId] };
    expect(recording.kind('child.spawn').map(({ attributes }) => attributes)).toMatchObject([inside]);
    const refused = recording.kind('action.intent').find(({ attributes }) => attributes[ATTR.childAgentId] === 'helper');
    expect(refused?.attributes).toMatchObject({
      ...inside,
      [ATTR.toolName]: 'helper',
      [ATTR.policyDecision]: 'deny',
      [ATTR.policyRule]: 'fan-out',
    });
    const outcome = recording
      .kind('action.outcome')
      .find(({ attributes }) => attributes[ATTR.actionId] === refused?.attributes[ATTR.actionId]);
    expect(outcome?.attributes[ATTR.actionStatus]).toBe('denied');
    expectHonest();
  });

  test('are refused, and that is on record, when the policy cannot be evaluated', () => {
    configure({
      guard: {
        decide: () => ({ decision: 'allow', rule: 'all' }),
        spawns: () => {
          throw new Error('no state');
        },
      },
    });
    session({ agent }, () => expect(delegate(1)).toEqual([expect.stringMatching(/could not be evaluated/)]));
    expect(recording.kind('action.intent').map(({ attributes }) => attributes[ATTR.policyRule])).toEqual(['all', 'error']);
    expectHonest();
  });

  test('hear of a refusal as they hear of everything: by a promise where they await one', async () => {
    inForce(POLICY.replace('spawns: 2', 'spawns: 1'));
    await session({ agent }, async () => {
      delegate(1);
      await runAction({ tool: { name: 'delegate' }, arguments: {} }, () => {
        const child = session({ agent: { id: 'helper' } }, async () => 'helped');
        return child.catch((error: Error) => expect(error.message).toMatch(/fan-out/));
      }).catch((error: Error) => expect(error.message).toMatch(/fan-out/));
    });
    expectHonest();
  });

  test('are not counted as those of an action that a server happens to run in: a caller elsewhere asked for them', () => {
    inForce(POLICY.replace('spawns: 2', 'spawns: 1'));
    const caller = propagation.createBaggage({ 'custody.parent': { value: `${'ab'.repeat(16)}-3-${'cd'.repeat(32)}` } });
    const serve = () => context.with(propagation.setBaggage(context.active(), caller), () => help());
    const help = () => session({ agent: { id: 'helper' } }, () => 'helped');
    session({ agent }, () =>
      runAction({ tool: { name: 'serve' }, arguments: {} }, () => expect([serve(), serve()]).toEqual(['helped', 'helped'])),
    );
    expect(recording.kind('child.spawn')).toEqual([]);
    expectHonest();
  });

  test('are not counted where the application itself starts several', () => {
    inForce(POLICY);
    session({ agent }, () => {
      for (let i = 0; i < 4; i++) session({ agent: { id: 'helper' } }, () => runAction({ tool: { name: 'look' }, arguments: {} }, () => 1));
    });
    expectHonest();
  });

  test('are counted, and not stopped, by a policy that observes', () => {
    inForce(`mode: observe\n${POLICY}`);
    session({ agent }, () => expect(delegate(4)).toEqual(['helped', 'helped', 'helped', 'helped']));
    // The breaker opens at the third, and would then have stopped the calls as well.
    const spawns = recording.kind('child.spawn').map(({ attributes }) => [attributes[ATTR.policyRule], attributes[ATTR.policyObserved]]);
    expect(spawns).toEqual([
      [undefined, undefined],
      [undefined, undefined],
      ['fan-out', 'deny'],
      ['fan-out', 'deny'],
    ]);
    expectHonest();
  });
});

describe('an agent that works for another one', () => {
  const principals = (): unknown[] => recording.kind('session.start').map(({ attributes }) => attributes[ATTR.principal]);
  const delegated = (more: object): void => {
    session({ agent, principal: 'alice@example.com' }, () => {
      runAction({ tool: { name: 'delegate' }, arguments: {} }, () =>
        session({ agent: { id: 'helper' }, ...more }, () => runAction({ tool: { name: 'look' }, arguments: {} }, () => 1)),
      );
    });
  };

  test('acts on behalf of the same principal, so that nobody approves their own action by delegating it', () => {
    inForce('default: allow\nrules:\n  - { id: alice, tools: look, principals: alice@example.com, decision: allow }\n');
    delegated({});
    expect(principals()).toEqual(['alice@example.com', 'alice@example.com']);
    expect(recording.kind('action.intent').map(({ attributes }) => attributes[ATTR.policyRule])).toEqual(['default', 'alice']);
    expectHonest();
  });

  test('does so where it starts only when the session that it works for has ended', async () => {
    await new Promise<void>((done) => {
      session({ agent, principal: 'alice@example.com' }, () => {
        runAction({ tool: { name: 'delegate' }, arguments: {} }, () => {
          const helps = (): void =>
            session({ agent: { id: 'helper' } }, () => runAction({ tool: { name: 'look' }, arguments: {} }, () => done()));
          setImmediate(helps);
        });
      });
    });
    expect(principals()).toEqual(['alice@example.com', 'alice@example.com']);
    expectHonest();
  });

  test('acts on behalf of whom its session names', () => {
    delegated({ principal: 'bob@example.com' });
    expect(principals()).toEqual(['alice@example.com', 'bob@example.com']);
    expectHonest();
  });
});

describe('what an agent has read', () => {
  const POLICY = `default: allow
flows:
  - { id: secrets, label: secret, from: read_secret, restricts: { tools: send } }
`;
  const call = (name: string, run: () => unknown = () => 'done'): unknown => runAction({ tool: { name }, arguments: {} }, run);
  const helper = { agent: { id: 'helper' } };
  const REFUSED = /refused by policy \(secrets\)/;

  test('restricts the agents that it starts from then on, and theirs: they have it with their task', () => {
    inForce(POLICY);
    session({ agent }, () => {
      call('read_secret');
      call('delegate', () => session(helper, () => expect(() => call('send')).toThrow(REFUSED)));
      session(helper, () => call('delegate', () => session(helper, () => expect(() => call('send')).toThrow(REFUSED))));
    });
    session({ agent }, () => expect(call('send')).toBe('done'));
    expectHonest();
  });

  test('restricts the agent that it works for: that one has it with the answer', () => {
    inForce(POLICY);
    session({ agent }, () => {
      expect(call('send')).toBe('done');
      call('delegate', () => session(helper, () => call('read_secret')));
      expect(() => call('send')).toThrow(REFUSED);
    });
    expectHonest();
  });

  test('is not held against others by what the application itself runs inside a session', () => {
    inForce(POLICY);
    session({ agent }, () => {
      session(helper, () => {
        call('read_secret');
        session(helper, () => expect(() => call('send')).toThrow(REFUSED));
      });
      expect(call('send')).toBe('done');
      session(helper, () => expect(call('send')).toBe('done'));
    });
    expectHonest();
  });

  test('is held against an agent that goes on when the one that started it has ended, and against nobody after that', async () => {
    inForce(POLICY);
    let goOn = (): void => undefined;
    const going = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let child: Promise<void> | undefined;
    session({ agent }, () => {
      call('read_secret');
      child = session(helper, async () => {
        await going;
        expect(() => call('send')).toThrow(REFUSED);
      });
    });
    goOn();
    await child;
    session({ agent }, () => expect(call('send')).toBe('done'));
    expectHonest();
  });

  test('is held against what comes after its session, while one of its family goes on', async () => {
    inForce(POLICY);
    let late = (): unknown => undefined;
    await session({ agent }, async () => {
      call('delegate', () =>
        session(helper, () => {
          call('read_secret');
          late = AsyncLocalStorage.snapshot().bind(undefined, () => call('send'));
        }),
      );
      expect(late).toThrow(REFUSED);
    });
    expectHonest();
  });
});
