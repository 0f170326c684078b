import { ATTR } from '@agent-custody/chain';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { runAction } from '../src/action.js';
import { flush, shutDownSessions } from '../src/exit.js';
import { configure, state } from '../src/global.js';
import { runInSession, session, sessionForAction } from '../src/session.js';
import { deferred, findings, type Recording, record } from './support/recording.js';

let recording: Recording;
beforeEach(() => {
  recording = record();
});
afterEach(async () => {
  vi.useRealTimers();
  await recording.stop();
});

const agent = { id: 'billing-bot' };
const act = <T>(tool: string, run: () => T): T => runAction({ tool: { name: tool }, arguments: {} }, run);
async function* numbers() {
  yield 1;
}
const endOf = () => recording.kind('session.end').map((end) => end.attributes[ATTR.sessionOutcome]);
const expectHonest = () => expect(findings(recording.links())).toEqual([]);

describe('the session of the process', () => {
  test('takes what no session is open for, and ends with a flush when nothing is under way', async () => {
    const gate = deferred<void>();
    act('first', () => 1);
    const running = act('second', () => gate.promise);
    expect(new Set(recording.links().map((link) => link.session)).size).toBe(1);
    await flush();
    expect(endOf()).toEqual([]);
    gate.resolve();
    await running;
    await flush();
    expect(endOf()).toEqual(['shutdown']);
    act('after', () => 1);
    await flush();
    expect(recording.kind('session.start').map((start) => start.attributes[ATTR.parentSessionId])).toEqual([undefined, undefined]);
    expectHonest();
  });

  test('is not abandoned because something in it was', () => {
    vi.useFakeTimers();
    act('never read', () => numbers());
    vi.advanceTimersByTime(1_000_000);
    expect(recording.kind('action.outcome').map((outcome) => outcome.attributes[ATTR.actionStatus])).toEqual(['cancelled']);
    shutDownSessions();
    expect(endOf()).toEqual(['shutdown']);
    expectHonest();
  });

  test('is one for all callers', () => {
    expect(sessionForAction()).toBe(sessionForAction());
    session({ agent }, (own) => expect(sessionForAction()).toBe(own));
  });
});

describe('shutting down', () => {
  test('ends children before parents, with an outcome for every action still open', () => {
    const never = new Promise<void>(() => {});
    void session({ agent }, () => act('outer', () => session({ agent: { id: 'helper' } }, () => act('inner', () => never))));
    shutDownSessions();
    expect(endOf()).toEqual(['shutdown', 'shutdown']);
    expect(recording.kind('session.end').map((end) => end.attributes[ATTR.agentId])).toEqual(['helper', 'billing-bot']);
    expect(recording.kind('action.outcome').map((outcome) => outcome.attributes[ATTR.actionStatus])).toEqual(['cancelled', 'cancelled']);
    expectHonest();
  });

  test('an action that finishes after its session was shut down has no second outcome', async () => {
    const gate = deferred<number>();
    const running = session({ agent }, () => act('slow', () => gate.promise));
    shutDownSessions();
    gate.resolve(4);
    expect(await running).toBe(4);
    expect(recording.kind('action.outcome')).toHaveLength(1);
    expect(recording.kind('session.end')).toHaveLength(1);
    expectHonest();
  });
});

describe('a heartbeat', () => {
  test('is appended only after the interval without a link, as long as the session is open', () => {
    vi.useFakeTimers();
    configure({ heartbeatMs: 300_000 });
    const gate = deferred<void>();
    void session({ agent }, () => {
      act('first', () => 1);
      return gate.promise;
    });
    vi.advanceTimersByTime(200_000);
    runAction({ tool: { name: 'second' }, arguments: {}, session: [...state().open][0] }, () => 1);
    vi.advanceTimersByTime(200_000);
    expect(recording.kind('heartbeat')).toHaveLength(0);
    vi.advanceTimersByTime(101_000);
    expect(recording.kind('heartbeat')).toHaveLength(1);
    vi.advanceTimersByTime(600_000);
    expect(recording.kind('heartbeat')).toHaveLength(3);
    shutDownSessions();
    vi.advanceTimersByTime(900_000);
    expect(recording.kind('heartbeat')).toHaveLength(3);
    expectHonest();
  });
});

describe('an automatic session', () => {
  const automatic = { agent, automatic: true };

  test('joins the session that is active', () => {
    session({ agent }, (own) => runInSession(automatic, (inner) => expect(inner).toBe(own)));
  });

  test('inside an action is another run, and a child', () => {
    session({ agent }, (own) =>
      act('delegate', () =>
        runInSession(automatic, (inner) => {
          expect(inner).not.toBe(own);
          act('work', () => 1);
        }),
      ),
    );
    expect(recording.kind('child.spawn')).toHaveLength(1);
    expectHonest();
  });

  test('never breaks the run over its options', () => {
    expect(runInSession({ ...automatic, mask: ['['] }, () => act('work', () => 5))).toBe(5);
    expect(endOf()).toEqual(['completed']);
  });
});
