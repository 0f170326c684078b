import { ATTR } from '@agent-custody/chain';
import { context, propagation, ROOT_CONTEXT } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runAction } from '../src/action.js';
import { shutDownSessions } from '../src/exit.js';
import { session } from '../src/session.js';
import { forgetful } from './support/forgetful.js';
import { chainOf, deferred, findings, kinds, type Recording, record } from './support/recording.js';

let recording: Recording;
beforeEach(() => {
  recording = record();
});
afterEach(() => recording.stop());

const parent = { agent: { id: 'orchestrator' } };
const child = { agent: { id: 'worker' } };
const act = <T>(tool: string, run: () => T): T => runAction({ tool: { name: tool }, arguments: {} }, run);
const linksOf = (agent: string) => recording.links().filter((link) => link.attributes[ATTR.agentId] === agent);
const expectHonest = () => {
  shutDownSessions();
  expect(findings(recording.links())).toEqual([]);
};

describe('a nested session', () => {
  test('is announced by its parent before it starts, and names the announcement', () => {
    session(parent, () => {
      act('plan', () => 1);
      session(child, () => act('work', () => 1));
    });
    expect(kinds(linksOf('orchestrator'))).toEqual(['session.start', 'action.intent', 'action.outcome', 'child.spawn', 'session.end']);
    const [spawn] = recording.kind('child.spawn');
    const start = linksOf('worker').find((link) => link.kind === 'session.start');
    expect(spawn?.attributes[ATTR.childSessionId]).toBe(start?.session);
    expect(start?.attributes).toMatchObject({
      [ATTR.parentSessionId]: spawn?.session,
      [ATTR.parentSeq]: spawn?.seq,
      [ATTR.parentHash]: spawn?.hash,
    });
    expectHonest();
  });

  test('in which nothing happens still starts and ends, since it was announced', () => {
    session(parent, () => session(child, () => 1));
    expect(kinds(linksOf('orchestrator'))).toEqual(['session.start', 'child.spawn', 'session.end']);
    expect(kinds(linksOf('worker'))).toEqual(['session.start', 'session.end']);
    expectHonest();
  });

  test('starts at the latest when its function settles, even when a stream keeps it open', () => {
    const left = session(parent, () => session(child, (own) => ({ stream: own.hold() })));
    expect(kinds(linksOf('worker'))).toEqual(['session.start']);
    left.stream.release();
    expect(kinds(linksOf('worker'))).toEqual(['session.start', 'session.end']);
    expectHonest();
  });

  test('that fails at once still starts and ends', async () => {
    const failing = session(parent, () => session(child, async () => Promise.reject(new Error('no'))));
    await expect(failing).rejects.toThrow('no');
    expect(linksOf('worker').map((link) => link.attributes[ATTR.sessionOutcome])).toEqual([undefined, 'error']);
    expectHonest();
  });

  test('may outlive its parent', async () => {
    const gate = deferred<void>();
    const left = session(parent, () => ({
      work: session(child, async () => {
        await gate.promise;
        return act('work', () => 'done');
      }),
    }));
    expect(linksOf('orchestrator').at(-1)?.kind).toBe('session.end');
    gate.resolve();
    expect(await left.work).toBe('done');
    expectHonest();
  });

  test('begun after its parent ended is the child of the parent’s last intent', async () => {
    const gate = deferred<void>();
    const left = session(parent, () => {
      act('plan', () => 1);
      return { work: gate.promise.then(() => session(child, () => act('work', () => 1))) };
    });
    gate.resolve();
    await left.work;
    const intent = linksOf('orchestrator').find((link) => link.kind === 'action.intent');
    const start = linksOf('worker').find((link) => link.kind === 'session.start');
    expect(start?.attributes).toMatchObject({ [ATTR.parentSeq]: intent?.seq, [ATTR.parentHash]: intent?.hash });
    expect(recording.kind('child.spawn')).toHaveLength(0);
    expectHonest();
  });

  test('inside an action does not name that action as the parent of its own', () => {
    session(parent, () => act('delegate', () => session(child, () => act('work', () => 1))));
    const intent = linksOf('worker').find((link) => link.kind === 'action.intent');
    expect(intent?.attributes[ATTR.actionParentId]).toBeUndefined();
    expectHonest();
  });

  test('many in parallel are all right', async () => {
    await session(parent, () =>
      Promise.all(Array.from({ length: 8 }, (_, i) => session(child, async () => act(`work ${i}`, async () => i)))),
    );
    expect(recording.kind('child.spawn')).toHaveLength(8);
    expectHonest();
  });
});

describe('across processes', () => {
  /** What an HTTP client inside the action would send, and a server would make of it. */
  const sent = () => {
    const headers: Record<string, string> = {};
    propagation.inject(context.active(), headers);
    return headers;
  };
  const received = (headers: Record<string, string>) => propagation.extract(ROOT_CONTEXT, headers);

  test('baggage makes the session the child of the intent that it works for', () => {
    let headers: Record<string, string> = {};
    session(parent, () => {
      headers = act('call service', sent);
    });
    forgetful(() => context.with(received(headers), () => session(child, () => act('work', () => 1))));
    const intent = linksOf('orchestrator').find((link) => link.kind === 'action.intent');
    const start = linksOf('worker').find((link) => link.kind === 'session.start');
    expect(start?.attributes).toMatchObject({
      [ATTR.parentSessionId]: intent?.session,
      [ATTR.parentSeq]: intent?.seq,
      [ATTR.parentHash]: intent?.hash,
    });
    expectHonest();
  });

  test('baggage of a caller outranks the session that the server happens to run in', () => {
    let headers: Record<string, string> = {};
    session(parent, () => {
      headers = act('call service', sent);
    });
    session({ agent: { id: 'server' } }, () => context.with(received(headers), () => session(child, () => act('work', () => 1))));
    expect(recording.kind('child.spawn')).toHaveLength(0);
    expect(linksOf('worker')[0]?.attributes[ATTR.parentSessionId]).toBe(linksOf('orchestrator')[0]?.session);
    expectHonest();
  });

  test('the application’s own baggage goes along', () => {
    const own = propagation.createBaggage({ tenant: { value: 'acme' } });
    const headers = context.with(propagation.setBaggage(context.active(), own), () => act('call service', sent));
    expect(headers['baggage']).toMatch(/^tenant=acme,custody\.parent=[0-9a-f]{32}-2-[0-9a-f]{64}$/);
    expectHonest();
  });

  test.each(['nonsense', '0-1-2', `${'a'.repeat(32)}-0-${'b'.repeat(64)}`, `${'a'.repeat(32)}-9999999999999999-${'b'.repeat(64)}`])(
    'baggage that nobody of ours wrote (%s) is ignored',
    (value) => {
      context.with(received({ baggage: `custody.parent=${value}` }), () => session(child, () => act('work', () => 1)));
      expect(recording.kind('session.start')[0]?.attributes[ATTR.parentSessionId]).toBeUndefined();
      expectHonest();
    },
  );
});

test('the chains of interleaved sessions stay apart', async () => {
  const run = (id: string) =>
    session({ agent: { id } }, async () => {
      for (let i = 0; i < 5; i++) await act(`${id} ${i}`, async () => i);
    });
  await Promise.all([run('one'), run('two'), run('three')]);
  for (const start of recording.kind('session.start')) expect(chainOf(recording.links(), start.session)).toHaveLength(12);
  expectHonest();
});
