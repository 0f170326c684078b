import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ATTR } from '@agent-custody/chain';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runAction } from '../src/action.js';
import { audited } from '../src/audited.js';
import { createEvidenceChannel } from '../src/evidence/index.js';
import { shutDownSessions } from '../src/exit.js';
import { configure } from '../src/global.js';
import { ActionDenied, type Answer, type Guard, type Ruling } from '../src/guard.js';
import { session } from '../src/session.js';
import { deferred, findings, memoryChannel, type Recording, record } from './support/recording.js';

// Ways around the guard that are none.

let recording: Recording;
beforeEach(() => {
  recording = record();
});
afterEach(async () => {
  await recording.stop();
});

const agent = { id: 'billing-bot' };
const call = { tool: { name: 'pay', callId: 'call-1' }, arguments: { invoice: 7 } };
const rulings = (decide: Guard['decide'], more: Partial<Guard> = {}): void => configure({ guard: { decide, ...more } });
const waiting = (answer: Promise<Answer>): Ruling => ({ decision: 'require_approval', rule: 'large', wait: () => answer });
const mustNotRun = (): never => {
  throw new Error('it ran');
};
const statuses = () => recording.kind('action.outcome').map((link) => link.attributes[ATTR.actionStatus]);
const expectHonest = (): void => {
  shutDownSessions();
  expect(findings(recording.links())).toEqual([]);
};

describe('no permission is', () => {
  test.each<[string, unknown]>([
    ['a promise of one', Promise.resolve({ decision: 'allow', rule: 'r' })],
    ['a word that is no decision', { decision: 'yes', rule: 'r' }],
    ['nothing at all', undefined],
  ])('%s', (_what, answer) => {
    rulings(() => answer as Ruling);
    expect(() => runAction(call, mustNotRun)).toThrow(/could not be evaluated/);
    expectHonest();
  });

  test('one for a call that the framework’s own approval flow denied, when that cannot be recorded', () => {
    const broken = { ...call, session: { id: 'x' } as never, approvals: [{ decision: 'denied' as const }] };
    Object.defineProperty(broken, 'arguments', {
      get: () => {
        throw new Error('unreadable');
      },
    });
    expect(() => runAction(broken, mustNotRun)).toThrow(ActionDenied);
    expect(runAction({ ...call, unstoppable: true }, () => 'told')).toBe('told');
  });

  test('the approval of another call inside an action that is over', async () => {
    let denied = false;
    rulings(() => (denied ? { decision: 'deny', rule: 'closed' } : { decision: 'allow', rule: 'open' }));
    const later = deferred<undefined>();
    let background: Promise<unknown> = Promise.resolve();
    runAction({ ...call, dedupe: 'pay call-1' }, () => {
      background = later.promise.then(() => [
        () => runAction({ ...call, governed: true }, mustNotRun),
        () => runAction({ ...call, dedupe: 'pay call-1' }, mustNotRun),
      ]);
    });
    denied = true;
    later.resolve(undefined);
    for (const attempt of (await background) as (() => unknown)[]) expect(attempt).toThrow(ActionDenied);
    expectHonest();
  });

  test('an action around it that was denied and could not be stopped', () => {
    rulings(() => ({ decision: 'deny', rule: 'blocked' }));
    expect(() => runAction({ ...call, unstoppable: true }, () => runAction({ ...call, governed: true }, mustNotRun))).toThrow(ActionDenied);
    shutDownSessions();
  });
});

describe('an action that waits', () => {
  test('never runs when its caller has given up meanwhile', async () => {
    const asked = deferred<Answer>();
    rulings(() => waiting(asked.promise));
    const gone = new AbortController();
    const result = runAction({ ...call, signal: gone.signal, awaited: 'promise' }, async () => mustNotRun());
    gone.abort();
    asked.resolve({ go: true, approvals: [{ decision: 'approved' }] });
    await expect(result).rejects.toThrow(/cancelled while it waited/);
    expect(statuses()).toEqual(['denied']);
    expectHonest();
  });

  test('stops waiting when its session ends: nobody is asked about what will not run', async () => {
    const stopped = deferred<undefined>();
    const wait: Ruling['wait'] = (_intent, signal) => {
      signal?.addEventListener('abort', () => stopped.resolve(undefined));
      return stopped.promise.then(() => ({ go: true }));
    };
    rulings(() => ({ decision: 'require_approval', rule: 'large', wait }));
    const result = runAction({ ...call, awaited: 'promise' }, async () => mustNotRun());
    shutDownSessions();
    await expect(result).rejects.toThrow(/session has ended/);
    expectHonest();
  });

  test('as a stream asks when it is read, and not before', async () => {
    let asked = 0;
    rulings(() => ({ decision: 'require_approval', rule: 'large', wait: async () => ({ go: ++asked > 0 }) }));
    const input = { invoice: 7 };
    const stream = runAction({ ...call, arguments: input, awaited: 'iterator' }, async function* () {
      yield mustNotRun();
    });
    expect(asked).toBe(0);
    input.invoice = 8;
    await expect(stream.next()).rejects.toThrow(/arguments changed/);
    expectHonest();
  });

  test.each(['return', 'throw'] as const)('as a stream never begins for a reader who has left by %s, and its session ends', async (how) => {
    const asked = deferred<Answer>();
    const ends: string[] = [];
    rulings(() => waiting(asked.promise), { settled: (_action, status) => ends.push(status) });
    const streams = await session({ agent }, () =>
      [0, 1].map(() =>
        runAction({ ...call, awaited: 'iterator' }, async function* () {
          yield mustNotRun();
        }),
      ),
    );
    const [unread, read] = streams as [AsyncGenerator, AsyncGenerator];
    const first = read.next();
    const left = Promise.allSettled([unread[how](undefined), read[how](undefined)]);
    asked.resolve({ go: true, approvals: [{ decision: 'approved' }] });
    await Promise.allSettled([first, left]);
    expect(ends).toEqual(['denied', 'denied']);
    expect(recording.kind('session.end')).toHaveLength(1);
    expect(findings(recording.links())).toEqual([]);
  });

  test('as a stream that nobody reads is given up', async () => {
    const over = deferred<string>();
    configure({ idleMs: 5 });
    rulings(() => waiting(Promise.resolve({ go: true })), { settled: (_action, status) => over.resolve(status) });
    const stream = runAction({ ...call, awaited: 'iterator' }, async function* () {
      yield mustNotRun();
    });
    // Idle timers keep no process alive.
    const alive = setInterval(() => undefined, 1000);
    expect(await over.promise).toBe('denied');
    clearInterval(alive);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expectHonest();
  });

  test('is about the arguments as they are, also where an option says what is recorded of them', async () => {
    const asked = deferred<Answer>();
    rulings(() => waiting(asked.promise));
    const order = { amount: 7 };
    const pay = audited('pay', async (_order: { amount: number }) => mustNotRun(), { arguments: ({ amount }) => ({ amount }) });
    const result = pay(order);
    order.amount = 9000;
    asked.resolve({ go: true, approvals: [{ decision: 'approved' }] });
    await expect(result).rejects.toThrow(/arguments changed/);
    expectHonest();
  });
});

test('a guard of the application’s own does not let a function run that asks to be acknowledged', async () => {
  const { channel } = memoryChannel();
  configure({ evidence: { ...channel, flush: async () => ({ delivered: false, pending: 1 }) } });
  rulings(() => ({ decision: 'allow', rule: 'all' }));
  const pay = audited('pay', async () => mustNotRun(), { durability: 'acknowledged' });
  await expect(pay()).rejects.toThrow(/has not taken its intent/);
});

describe('an intent that the collector did not take is none', () => {
  const mayNotRun = { ...call, acknowledged: true, awaited: 'iterator' as const };
  const stream = async function* () {
    yield mustNotRun();
  };

  test('also when somebody else’s flush has heard of the loss before', async () => {
    const { channel } = memoryChannel();
    let lost = 0;
    const lossy = { ...channel, append: () => ++lost < 0, flush: async () => ({ delivered: true, pending: 0 }) };
    Object.defineProperty(lossy, 'state', { get: () => ({ spool: 'memory', pendingBytes: 0, lost }) });
    configure({ evidence: lossy });
    const waiting = runAction(mayNotRun, stream);
    await lossy.flush();
    await expect(waiting.next()).rejects.toThrow(/has not taken its intent/);
  });

  test.each(['memory', 'spool'] as const)('in %s mode, where it is rejected by partial_success', async (durability) => {
    const collector = createServer((request, response) => {
      request.resume().on('end', () => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ partialSuccess: { rejectedSpans: '1000', errorMessage: 'not yours' } }));
      });
    }).listen(0, '127.0.0.1');
    await once(collector, 'listening');
    const url = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`;
    const spoolDirectory = mkdtempSync(join(tmpdir(), 'custody-spool-'));
    const evidence = createEvidenceChannel({ url, durability, spoolDirectory, log: () => undefined, onLoss: () => undefined });
    configure({ evidence });
    const calls = [0, 1, 2].map(() => runAction({ ...call, acknowledged: true, awaited: 'promise' }, async () => mustNotRun()));
    for (const { reason } of (await Promise.allSettled(calls)) as PromiseRejectedResult[]) {
      expect((reason as Error).message).toMatch(/has not taken its intent/);
    }
    await evidence.close(0);
    collector.closeAllConnections();
    collector.close();
    rmSync(spoolDirectory, { recursive: true });
  });
});
