import { ATTR, fingerprintDigest } from '@agent-custody/chain';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { runAction } from '../src/action.js';
import { audited } from '../src/audited.js';
import { configure, state } from '../src/global.js';
import { nodeHashing } from '../src/hashing.js';
import { currentSession, session } from '../src/session.js';
import { chainOf, deferred, findings, kinds, type Recording, record } from './support/recording.js';

let recording: Recording;
beforeEach(() => {
  recording = record();
});
afterEach(async () => {
  vi.useRealTimers();
  await recording.stop();
});

const agent = { id: 'billing-bot', name: 'Billing bot', version: '1.2.0' };
const act = <T>(tool: string, run: () => T): T => runAction({ tool: { name: tool }, arguments: {} }, run);
const request = { systemPrompt: 'You reconcile invoices.', tools: [{ name: 'read_invoice' }], model: { provider: 'acme', name: 'm1' } };
const endOf = () => recording.kind('session.end').map((end) => end.attributes[ATTR.sessionOutcome]);
const expectHonest = () => expect(findings(recording.links())).toEqual([]);

describe('a session', () => {
  test('records intent and outcome of a call as an intact chain with what it was opened with', async () => {
    const send = audited('send_email', async (to: string) => `sent to ${to}`);
    const answer = await session({ agent, principal: 'alice', owner: 'team-billing', conversationId: 'c-1' }, () =>
      send('bob@example.com'),
    );
    expect(answer).toBe('sent to bob@example.com');
    expect(kinds(recording.links())).toEqual(['session.start', 'action.intent', 'action.outcome', 'session.end']);
    const [start] = recording.kind('session.start');
    expect(start?.attributes).toMatchObject({
      [ATTR.agentId]: 'billing-bot',
      [ATTR.agentName]: 'Billing bot',
      [ATTR.agentVersion]: '1.2.0',
      [ATTR.principal]: 'alice',
      [ATTR.owner]: 'team-billing',
      [ATTR.conversationId]: 'c-1',
    });
    expectHonest();
  });

  test('stays synchronous around a synchronous function', () => {
    expect(session({ agent }, () => act('add', () => 3))).toBe(3);
    expect(endOf()).toEqual(['completed']);
    expectHonest();
  });

  test('starts at the first model call with what that sends', () => {
    session({ agent }, (own) => {
      expect(recording.links()).toEqual([]);
      own.modelCall(request).done();
      act('read_invoice', () => 1);
    });
    const [start] = recording.kind('session.start');
    expect(start?.attributes[ATTR.systemPrompt]).toBe(fingerprintDigest('system_prompt', 'You reconcile invoices.', nodeHashing));
    expect(start?.attributes[ATTR.model]).toBe(fingerprintDigest('model', { provider: 'acme', name: 'm1' }, nodeHashing));
    expect(start?.attributes[ATTR.memory]).toBe(fingerprintDigest('memory', [], nodeHashing));
    expectHonest();
  });

  test('that starts with an action says that prompt and tools are unknown, and tells them when it learns them', () => {
    session({ agent }, (own) => {
      act('warm_up', () => 1);
      own.modelCall(request).done();
    });
    const [start] = recording.kind('session.start');
    expect(start?.attributes[ATTR.systemPrompt]).toBe(fingerprintDigest('system_prompt', null, nodeHashing));
    const [change] = recording.kind('fingerprint.change');
    expect(change?.attributes[ATTR.fingerprintChanged]).toEqual(['model', 'system_prompt', 'tools']);
    expectHonest();
  });

  test('in which nothing happens leaves no link', () => {
    session({ agent }, () => 1);
    expect(recording.links()).toEqual([]);
    expect(recording.spans().map((span) => span.name)).toEqual(['invoke_agent Billing bot']);
    expect(state().open.size).toBe(0);
  });

  test('takes the conversation from its first model call', () => {
    session({ agent }, (own) => own.modelCall({ ...request, conversationId: 'thread-7' }).done());
    expect(recording.links().map((link) => link.attributes[ATTR.conversationId])).toEqual(['thread-7', 'thread-7', 'thread-7']);
  });

  test('outside of any session code runs in none', () => {
    expect(currentSession()).toBeUndefined();
    session({ agent }, (own) => expect(currentSession()).toBe(own));
  });

  test.each([
    ['an agent without an id', { agent: { id: '' } }, /agent\.id is missing/],
    ['a mask that is no regular expression', { agent, mask: ['['] }, /mask \/\[\/ is no regular expression/],
    ['a mask with flags of its own', { agent, mask: [/x/i] }, /masks run with the flags gu/],
    ['a principal that is no text', { agent, principal: 7 as unknown as string }, /principal is a number/],
  ])('refuses %s before anything runs', (_what, options, message) => {
    const run = vi.fn();
    expect(() => session(options, run)).toThrow(
      expect.objectContaining({ name: 'CustodyError', code: 'invalid_argument', message: expect.stringMatching(message) }),
    );
    expect(run).not.toHaveBeenCalled();
  });
});

describe('the outcome of a session', () => {
  test.each([
    ['error', new TypeError('broken')],
    ['cancelled', new DOMException('stopped', 'AbortError')],
  ])('is %s when its function fails with %s, which the caller gets unchanged', async (outcome, error) => {
    const run = session({ agent }, async () => {
      act('look', () => 1);
      throw error;
    });
    await expect(run).rejects.toBe(error);
    expect(endOf()).toEqual([outcome]);
    expect(() =>
      session({ agent }, () =>
        act('look', () => {
          throw error;
        }),
      ),
    ).toThrow(error);
    expect(endOf()).toEqual([outcome, outcome]);
    expectHonest();
  });

  test('waits for actions that the function left running', async () => {
    const gate = deferred<string>();
    const left = session({ agent }, () => ({ running: act('slow', () => gate.promise) }));
    expect(endOf()).toEqual([]);
    gate.resolve('done');
    expect(await left.running).toBe('done');
    expect(endOf()).toEqual(['completed']);
    expectHonest();
  });

  test('waits for model calls in flight and for streams', () => {
    const held = session({ agent }, (own) => ({ call: own.modelCall(request), stream: own.hold() }));
    held.call.done();
    held.call.done();
    expect(endOf()).toEqual([]);
    held.stream.release('cancelled');
    held.stream.release('error');
    expect(endOf()).toEqual(['cancelled']);
    expectHonest();
  });

  test('is cancelled after an abort, and a tool that still runs then is recorded, not accused', async () => {
    const gate = deferred<string>();
    const aborted = session({ agent }, (own) => {
      const stream = own.hold();
      const running = act('slow', () => gate.promise);
      stream.release('cancelled');
      return { running };
    });
    gate.resolve('done after all');
    await aborted.running;
    expect(recording.kind('action.outcome').map((outcome) => outcome.attributes[ATTR.actionStatus])).toEqual(['ok']);
    expect(endOf()).toEqual(['cancelled']);
    expectHonest();
  });

  test('is abandoned when a stream is not touched for the idle limit', () => {
    vi.useFakeTimers();
    configure({ idleMs: 60_000 });
    const held = session({ agent }, (own) => {
      own.modelCall(request).done();
      return { stream: own.hold() };
    });
    vi.advanceTimersByTime(59_000);
    held.stream.touch();
    vi.advanceTimersByTime(59_000);
    expect(endOf()).toEqual([]);
    vi.advanceTimersByTime(2_000);
    expect(endOf()).toEqual(['abandoned']);
    expectHonest();
  });

  test('follows an asynchronous generator to where its reader stops', async () => {
    const agentRun = () =>
      session({ agent }, async function* () {
        yield act('first', () => 1);
        yield act('second', () => 2);
      });
    const all: number[] = [];
    for await (const value of agentRun()) all.push(value);
    expect(all).toEqual([1, 2]);
    for await (const value of agentRun()) if (value === 1) break;
    expect(endOf()).toEqual(['completed', 'cancelled']);
    expect(recording.kind('session.end').map((end) => end.attributes[ATTR.sessionActions])).toEqual([2, 1]);
    expectHonest();
  });
});

describe('what comes after a session has ended', () => {
  test('opens a new one, child of the intent of its last action, with what was known', () => {
    const late = session({ agent, principal: 'alice' }, (own) => {
      own.modelCall(request).done();
      act('first', () => 1);
      act('last', () => 2);
      return { session: own };
    });
    runAction({ tool: { name: 'late' }, arguments: {}, session: late.session }, () => 3);
    const [, second] = recording.kind('session.start');
    const last = recording.kind('action.intent').find((intent) => intent.attributes[ATTR.toolName] === 'last');
    expect(second?.attributes).toMatchObject({
      [ATTR.parentSessionId]: late.session.id,
      [ATTR.parentSeq]: last?.seq,
      [ATTR.parentHash]: last?.hash,
      [ATTR.principal]: 'alice',
      [ATTR.systemPrompt]: fingerprintDigest('system_prompt', request.systemPrompt, nodeHashing),
    });
    expect(kinds(chainOf(recording.links(), second?.session ?? ''))).toEqual([
      'session.start',
      'action.intent',
      'action.outcome',
      'session.end',
    ]);
    runAction({ tool: { name: 'later still' }, arguments: {}, session: late.session }, () => 3);
    expect(recording.kind('session.start')).toHaveLength(3);
    expectHonest();
  });

  test('has no parent when the old one had no action', () => {
    const late = session({ agent }, (own) => {
      own.modelCall(request).done();
      return { session: own };
    });
    late.session.modelCall(request).done();
    expect(recording.kind('session.start').map((start) => start.attributes[ATTR.parentSessionId])).toEqual([undefined, undefined]);
    expectHonest();
  });

  test('an action begun in code that outlives the session is recorded', async () => {
    const gate = deferred<void>();
    const left = session({ agent }, () => {
      act('first', () => 1);
      return { rest: { run: gate.promise.then(() => act('detached', () => 'ran')) } };
    });
    expect(endOf()).toEqual(['completed']);
    gate.resolve();
    expect(await left.rest.run).toBe('ran');
    expect(endOf()).toEqual(['completed', 'completed']);
    expectHonest();
  });
});

describe('memory', () => {
  test('that changed during the session is announced before the end', () => {
    let note = 'pay on Fridays';
    session({ agent, memory: () => note, memoryStore: 'billing' }, () => {
      act('learn', () => {
        note = 'pay at once';
      });
    });
    expect(kinds(recording.links())).toEqual(['session.start', 'action.intent', 'action.outcome', 'fingerprint.change', 'session.end']);
    session({ agent, memory: () => note, memoryStore: 'billing' }, () => act('recall', () => note));
    expectHonest();
  });

  test('that changed while nobody was recorded is found', () => {
    const run = (note: string) => session({ agent, memory: () => note, memoryStore: 'billing' }, () => act('recall', () => note));
    run('pay on Fridays');
    run('pay mallory');
    expect(findings(recording.links())).toEqual([expect.stringContaining('memory_drift')]);
  });

  test('that is only known asynchronously is measured before the function runs and before the promise settles', async () => {
    const notes = ['a', 'b'];
    const answer = session({ agent, memory: async () => notes.shift() ?? '' }, () => act('look', () => 'seen'));
    expect(recording.links()).toEqual([]);
    expect(await answer).toBe('seen');
    expect(kinds(recording.links())).toEqual(['session.start', 'action.intent', 'action.outcome', 'fingerprint.change', 'session.end']);
    expectHonest();
  });

  test('is measured again when an action comes while the end is being measured', async () => {
    const gates = [deferred<string>(), deferred<string>(), deferred<string>()];
    const memory = vi.fn(() => gates[memory.mock.calls.length - 1]?.promise ?? Promise.resolve('none'));
    const run = session({ agent, memory: memory as () => Promise<string> }, (own) => {
      act('look', () => 1);
      return { own };
    });
    gates[0]?.resolve('a');
    await vi.waitFor(() => expect(memory).toHaveBeenCalledTimes(2));
    runAction({ tool: { name: 'late' }, arguments: {}, session: [...state().open][0] }, () => 1);
    gates[1]?.resolve('b');
    await vi.waitFor(() => expect(memory).toHaveBeenCalledTimes(3));
    expect(endOf()).toEqual([]);
    gates[2]?.resolve('c');
    await run;
    expect(recording.kind('session.start')).toHaveLength(1);
    expect(kinds(recording.links()).slice(-2)).toEqual(['fingerprint.change', 'session.end']);
    expectHonest();
  });

  test('that cannot be read is unknown, and breaks nothing', async () => {
    const broken = () => {
      throw new Error('disk gone');
    };
    expect(session({ agent, memory: broken }, () => act('look', () => 1))).toBe(1);
    expect(await session({ agent, memory: async () => broken() }, () => act('look', () => 2))).toBe(2);
    const unknown = fingerprintDigest('memory', null, nodeHashing);
    expect(recording.kind('session.start').map((start) => start.attributes[ATTR.memory])).toEqual([unknown, unknown]);
    expectHonest();
  });
});
