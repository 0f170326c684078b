import { ATTR } from '@agent-custody/chain';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runAction } from '../src/action.js';
import { shutDownSessions } from '../src/exit.js';
import { configure } from '../src/global.js';
import { ActionDenied, type Answer, type Guard, type ProposedAction, type Ruling } from '../src/guard.js';
import { deferred, findings, kinds, type Recording, record } from './support/recording.js';

let recording: Recording;
beforeEach(() => {
  recording = record();
});
afterEach(async () => {
  await recording.stop();
});

const call = { tool: { name: 'pay', callId: 'call-1' }, arguments: { invoice: 7 } };
const guarded = (ruling: Ruling | (() => Ruling), settled?: Guard['settled']): ProposedAction[] => {
  const seen: ProposedAction[] = [];
  const decide = (action: ProposedAction): Ruling => {
    seen.push(action);
    return typeof ruling === 'function' ? ruling() : ruling;
  };
  configure({ guard: { decide, ...(settled && { settled }) } });
  return seen;
};
const attribute = (kind: string, key: string) => recording.kind(kind).map((link) => link.attributes[key]);
const expectHonest = () => {
  shutDownSessions();
  expect(findings(recording.links())).toEqual([]);
};
const waiting = (answer: Promise<Answer>): Ruling => ({ decision: 'require_approval', rule: 'large', wait: () => answer });
const mustNotRun = (): never => {
  throw new Error('it ran');
};

describe('an action that the guard denies', () => {
  const denial: Ruling = { decision: 'deny', rule: 'blocked_tools/pay', reason: 'payments are not this agent’s' };

  test('never runs, and says why', () => {
    guarded(denial);
    expect(() => runAction(call, mustNotRun)).toThrow(
      new ActionDenied({
        tool: 'pay',
        rule: 'blocked_tools/pay',
        message: 'The call of pay was refused by policy (blocked_tools/pay): payments are not this agent’s.',
      }),
    );
  });

  test('is on record as an intent and an outcome that never ran', () => {
    guarded(denial);
    expect(() => runAction(call, mustNotRun)).toThrow(ActionDenied);
    expect(kinds(recording.links())).toEqual(['session.start', 'action.intent', 'action.outcome']);
    expect(attribute('action.intent', ATTR.policyDecision)).toEqual(['deny']);
    expect(attribute('action.intent', ATTR.policyRule)).toEqual(['blocked_tools/pay']);
    expect(attribute('action.outcome', ATTR.actionStatus)).toEqual(['denied']);
    expectHonest();
  });

  test('rejects where the caller awaits a promise, and throws at the first step where it reads a stream', async () => {
    guarded(denial);
    await expect(runAction({ ...call, awaited: 'promise' }, async () => mustNotRun())).rejects.toThrow(ActionDenied);
    const stream = runAction({ ...call, awaited: 'iterator' }, async function* () {
      yield mustNotRun();
    });
    await expect(stream.next()).rejects.toThrow(ActionDenied);
    expectHonest();
  });

  test('is told to the model in the words of the framework', () => {
    guarded(denial);
    const refused = ({ message }: { message: string }) => ({ isError: true, text: message });
    expect(runAction({ ...call, refused }, () => mustNotRun() as { isError: boolean; text: string })).toMatchObject({ isError: true });
    expectHonest();
  });
});

test('a guard sees the action as it will be recorded, and cannot change it', () => {
  const input = { invoice: 7 };
  const seen = guarded(() => {
    (seen[0] as unknown as { arguments: { invoice: number } }).arguments.invoice = 8;
    return { decision: 'allow', rule: 'all' };
  });
  expect(runAction({ ...call, arguments: input }, () => input.invoice)).toBe(7);
  expect(seen).toMatchObject([{ tool: call.tool, canWait: false, argumentsDigest: attribute('action.intent', ATTR.argumentsDigest)[0] }]);
  expectHonest();
});

test('what a policy that observes would have decided is on record, and the tool runs', () => {
  guarded({ decision: 'allow', rule: 'blocked_tools/pay', observed: 'deny' });
  expect(runAction(call, () => 'paid')).toBe('paid');
  expect(attribute('action.intent', ATTR.policyObserved)).toEqual(['deny']);
  expectHonest();
});

describe('enforcement fails closed', () => {
  test('when the guard throws', () => {
    guarded(() => {
      throw new Error('no policy');
    });
    expect(() => runAction(call, mustNotRun)).toThrow(/could not be evaluated/);
    expect(attribute('action.intent', ATTR.policyDecision)).toEqual(['deny']);
    expectHonest();
  });

  test.each<[string, object]>([
    ['no decision', { decision: 'perhaps', rule: 'all' }],
    ['a rule that has no name', { decision: 'allow', rule: 7 }],
    ['an observation that is none', { decision: 'allow', rule: 'all', observed: 'allow' }],
    ['nothing', {}],
  ])('when the guard answers %s, and what is on record is sound', (_what, ruling) => {
    guarded(ruling as Ruling);
    expect(() => runAction(call, mustNotRun)).toThrow(/could not be evaluated/);
    expect(attribute('action.intent', ATTR.policyRule)).toEqual(['error']);
    expectHonest();
  });

  test('when nobody can give the approval that it needs', async () => {
    guarded({ decision: 'require_approval', rule: 'large' });
    await expect(runAction({ ...call, awaited: 'promise' }, async () => mustNotRun())).rejects.toThrow(/nobody is set up/);
    expectHonest();
  });

  test('when the caller cannot wait', () => {
    guarded(waiting(Promise.resolve({ go: true })));
    expect(() => runAction(call, mustNotRun)).toThrow(/synchronous/);
    expect(attribute('action.outcome', ATTR.actionStatus)).toEqual(['denied']);
    expectHonest();
  });

  test('when the wait fails', async () => {
    guarded(waiting(Promise.reject(new Error('no collector'))));
    await expect(runAction({ ...call, awaited: 'promise' }, async () => mustNotRun())).rejects.toThrow(ActionDenied);
    expectHonest();
  });
});

describe('an action that needs an approval', () => {
  test('runs after it, which is a link of its own', async () => {
    const asked = deferred<Answer>();
    guarded(waiting(asked.promise));
    const result = runAction({ ...call, awaited: 'promise' }, async () => 'paid');
    expect(kinds(recording.links())).toEqual(['session.start', 'action.intent']);
    asked.resolve({ go: true, approvals: [{ decision: 'approved', approver: 'bob@example.com' }] });
    expect(await result).toBe('paid');
    expect(attribute('approval', ATTR.approvalApprover)).toEqual(['bob@example.com']);
    expect(attribute('approval', ATTR.argumentsDigest)).toEqual(attribute('action.intent', ATTR.argumentsDigest));
    expectHonest();
  });

  test('never runs when its arguments changed while it waited: the approval was for others', async () => {
    const asked = deferred<Answer>();
    guarded(waiting(asked.promise));
    const input = { invoice: 7 };
    const result = runAction({ ...call, arguments: input, awaited: 'promise' }, async () => mustNotRun());
    input.invoice = 8;
    asked.resolve({ go: true, approvals: [{ decision: 'approved' }] });
    await expect(result).rejects.toThrow(/arguments changed while it waited/);
    expect(attribute('action.outcome', ATTR.actionStatus)).toEqual(['denied']);
    expectHonest();
  });

  test('never runs when its arguments change at the last moment, between the look at them and the call', async () => {
    guarded(waiting(Promise.resolve({ go: true, approvals: [{ decision: 'approved' }] })));
    const ran: number[] = [];
    const input = {
      to: 7,
      get invoice() {
        // Whatever looks at the arguments once more is not the last to do something.
        if (recording.kind('approval').length > 0) queueMicrotask(() => Object.assign(input, { to: 8 }));
        return 7;
      },
    };
    await runAction({ ...call, arguments: input, awaited: 'promise' }, async () => ran.push(input.to)).catch(() => undefined);
    expect(ran).not.toContain(8);
    expectHonest();
  });

  test('never runs when a human denies it', async () => {
    guarded(waiting(Promise.resolve({ go: false, reason: 'not this month', approvals: [{ decision: 'denied', approver: 'bob' }] })));
    await expect(runAction({ ...call, awaited: 'promise' }, async () => mustNotRun())).rejects.toThrow(/not this month/);
    expect(attribute('approval', ATTR.approvalDecision)).toEqual(['denied']);
    expect(attribute('action.outcome', ATTR.actionStatus)).toEqual(['denied']);
    expectHonest();
  });

  test('has its stream begin after it', async () => {
    guarded(waiting(Promise.resolve({ go: true, approvals: [{ decision: 'approved' }] })));
    const stream = runAction({ ...call, awaited: 'iterator' }, async function* () {
      yield 'a';
      yield 'b';
    });
    const read: string[] = [];
    for await (const part of stream) read.push(part);
    expect(read).toEqual(['a', 'b']);
    expectHonest();
  });

  test('is denied when its session ends first, and an answer that comes later is dropped', async () => {
    const asked = deferred<Answer>();
    guarded(waiting(asked.promise));
    const result = runAction({ ...call, awaited: 'promise' }, async () => mustNotRun());
    shutDownSessions();
    asked.resolve({ go: true, approvals: [{ decision: 'approved' }] });
    await expect(result).rejects.toThrow(/session has ended/);
    expect(attribute('action.outcome', ATTR.actionStatus)).toEqual(['denied']);
    expect(recording.kind('approval')).toEqual([]);
    expectHonest();
  });
});

test('a guard hears how each action ended', () => {
  const ends: string[] = [];
  guarded({ decision: 'allow', rule: 'all' }, ({ tool }, status) => ends.push(`${tool.name} ${status}`));
  runAction(call, () => 1);
  expect(() =>
    runAction(call, () => {
      throw new Error('x');
    }),
  ).toThrow('x');
  expect(ends).toEqual(['pay ok', 'pay error']);
  expectHonest();
});
