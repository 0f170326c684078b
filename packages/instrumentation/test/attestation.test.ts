import { ATTR } from '@agent-custody/chain';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { runAction } from '../src/action.js';
import { BEGIN_GRACE_MS } from '../src/attestation.js';
import { flush, shutDownSessions } from '../src/exit.js';
import { configure } from '../src/global.js';
import { currentSession, runInSession, session } from '../src/session.js';
import type { ActiveSession } from '../src/types.js';
import { chainOf, findings, kinds, type Recording, record } from './support/recording.js';

let recording: Recording;
beforeEach(() => {
  vi.useFakeTimers();
  recording = record();
});
afterEach(async () => {
  vi.useRealTimers();
  await recording.stop();
});

const agent = { id: 'bot' };
/** Around a framework's run, as adapters open them. */
const run = <T>(fn: (own: ActiveSession) => T): T => runInSession({ agent, automatic: true }, fn);

/** A model call that asks for tools that the framework is to run. */
function ask(own: ActiveSession | undefined, ...callIds: string[]): void {
  const call = own?.modelCall({ systemPrompt: 'Work.', tools: [{ name: 'work' }] });
  call?.asked(
    callIds.map((callId) => ({ callId, toolName: 'work', runs: true })),
    undefined,
  );
  call?.done();
}
const execute = (callId: string, requested = true): number =>
  runAction({ tool: { name: 'work', callId }, arguments: {}, requested }, () => 1);

interface Attested {
  readonly requested: unknown;
  readonly executed: unknown;
  readonly unexecuted: unknown;
  readonly unrequested: unknown;
}
const attested = (): Attested[] =>
  recording.kind('attestation').map(({ attributes }) => ({
    requested: attributes[ATTR.attestationRequested],
    executed: attributes[ATTR.attestationExecuted],
    unexecuted: attributes[ATTR.attestationUnexecuted] ?? [],
    unrequested: attributes[ATTR.attestationUnrequested] ?? [],
  }));
const clean = (count: number): Attested => ({ requested: count, executed: count, unexecuted: [], unrequested: [] });
const expectHonest = () => {
  shutDownSessions();
  expect(findings(recording.links())).toEqual([]);
};

describe('the attestation', () => {
  test('comes right before the end of a session in which a model was called, with both counts', () => {
    run((own) => {
      ask(own, 'c1', 'c2');
      execute('c1');
      execute('c2');
    });
    expect(kinds(recording.links()).slice(-2)).toEqual(['attestation', 'session.end']);
    expect(attested()).toEqual([clean(2)]);
    expectHonest();
  });

  test('is not made where no model was seen', () => {
    run(() => execute('c1'));
    expect(attested()).toEqual([]);
    expectHonest();
  });

  test('names a call that a model asked for and that no adapter saw executed', () => {
    run((own) => {
      ask(own, 'c1', 'c2');
      execute('c1');
      ask(own);
    });
    expect(attested()).toEqual([{ requested: 2, executed: 1, unexecuted: ['c2'], unrequested: [] }]);
    expect(findings(recording.links())).toEqual([expect.stringContaining('unattested_call: of the run')]);
  });

  test('names an execution that no model asked for', () => {
    run((own) => {
      ask(own, 'c1');
      execute('c1');
      execute('smuggled');
    });
    expect(attested()).toEqual([{ requested: 1, executed: 2, unexecuted: [], unrequested: ['smuggled'] }]);
    expect(findings(recording.links())).toHaveLength(1);
  });

  test('counts a call that the guard refused as one that an adapter saw', () => {
    configure({ guard: { decide: () => ({ decision: 'deny', rule: 'none of it' }) } });
    run((own) => {
      ask(own, 'c1');
      expect(() => execute('c1')).toThrow(/refused by policy/);
    });
    expect(attested()).toEqual([clean(1)]);
    expectHonest();
  });

  test('counts what two patches of one framework see once, under the call id that either knows', () => {
    run((own) => {
      ask(own, 'c1');
      const outer = { tool: { name: 'work' }, arguments: {}, dedupe: 'work' };
      runAction(outer, () => runAction({ ...outer, tool: { name: 'work', callId: 'c1' }, requested: true }, () => 1));
    });
    expect(recording.kind('action.intent')).toHaveLength(1);
    expect(attested()).toEqual([clean(1)]);
    expectHonest();
  });
});

describe('an honest run alarms nobody', () => {
  test.each([
    ['whose steps ran out, or that was aborted', (own: ActiveSession) => [ask(own, 'c1'), own.forgo(['c1'])]],
    ['whose call was tried again', (own: ActiveSession) => [ask(own, 'c1'), execute('c1'), execute('c1')]],
    ['whose model repeats its call ids', (own: ActiveSession) => [ask(own, 'c1'), execute('c1'), ask(own, 'c1'), execute('c1')]],
    [
      'whose framework leaves out a call id that it has a result for',
      (own: ActiveSession) => [ask(own, 'c1'), execute('c1'), ask(own, 'c1')],
    ],
    ['whose model was tried again', (own: ActiveSession) => [ask(own, 'c1'), ask(own, 'c1'), execute('c1')]],
    ['that is told of the call only after it began', (own: ActiveSession) => [ask(own), execute('c1'), ask(own, 'c1')]],
    ['with a tool that it calls by hand', (own: ActiveSession) => [ask(own), execute('by hand', false)]],
    ['with a call that a human approved in another process', (own: ActiveSession) => [execute('of old'), ask(own)]],
    ['that forgoes what has begun already', (own: ActiveSession) => [ask(own, 'c1'), execute('c1'), own.forgo(['c1', 'unknown'])]],
  ])('%s', (_which, steps) => {
    run(steps);
    expect(attested()).toEqual([expect.objectContaining({ unexecuted: [], unrequested: [] })]);
    expectHonest();
  });

  test.each(['provider', 'client', 'approval', 'unknown tool'])('with a call that it does not run itself (%s)', (where) => {
    run((own) => {
      const call = own.modelCall({ systemPrompt: null, tools: null });
      call.asked([{ callId: where, toolName: 'work', runs: false }], undefined);
      call.done();
      // What a provider ran is recorded from its report.
      if (where === 'provider') execute(where, false);
    });
    expect(attested()).toEqual([clean(0)]);
    expectHonest();
  });

  test('that ends in an error with calls still to run', () => {
    const failing = () =>
      run((own) => {
        ask(own, 'c1', 'c2');
        execute('c1');
        throw new RangeError('the tool broke the run');
      });
    expect(failing).toThrow(RangeError);
    expect(attested()).toEqual([clean(1)]);
    expectHonest();
  });

  test('whose call was asked for in one run and executed in a later one', () => {
    run((own) => {
      const call = own.modelCall({ systemPrompt: null, tools: null });
      call.asked([{ callId: 'c1', toolName: 'work' }], undefined);
      call.done();
    });
    run((own) => {
      ask(own, 'c2');
      execute('c1');
      execute('c2');
    });
    expect(attested().map(({ unrequested }) => unrequested)).toEqual([[], []]);
    expectHonest();
  });

  test('whose agent hands over what its model asked for to another one', () => {
    run((own) => {
      ask(own, 'c1');
      session({ agent: { id: 'other' } }, () => execute('c1'));
    });
    expect(attested()).toEqual([clean(1)]);
    expectHonest();
  });

  test('that nobody awaits: its session stays open for the call that is about to begin', () => {
    const own = session({ agent }, (opened) => {
      ask(opened, 'c1');
      return opened;
    });
    expect(recording.kind('session.end')).toEqual([]);
    vi.advanceTimersByTime(BEGIN_GRACE_MS / 2);
    runAction({ tool: { name: 'work', callId: 'c1' }, arguments: {}, requested: true, session: own }, () => 1);
    expect(chainOf(recording.links(), own.id).map(({ kind }) => kind)).toEqual([
      'session.start',
      'action.intent',
      'action.outcome',
      'attestation',
      'session.end',
    ]);
    expectHonest();
  });

  test('whose calls go on in a successor', () => {
    const own = run((opened) => {
      ask(opened);
      const late = opened.modelCall({ systemPrompt: 'Work.', tools: null });
      opened.hold().release('cancelled');
      late.asked([{ callId: 'c1', toolName: 'work', runs: true }], undefined);
      late.done();
      return opened;
    });
    runAction({ tool: { name: 'work', callId: 'c1' }, arguments: {}, requested: true, session: own }, () => 1);
    expect(recording.kind('session.start')).toHaveLength(2);
    expect(attested()).toEqual([clean(0)]);
    expectHonest();
  });

  test('that the process ends between the model’s answer and the tool', () => {
    session({ agent }, (own) => ask(own, 'c1'));
    ask(currentSession(), 'c2');
    shutDownSessions();
    expect(attested()).toEqual([clean(0)]);
    expectHonest();
  });

  test('with more calls than are remembered', () => {
    run((own) => {
      ask(own, ...Array.from({ length: 10_050 }, (_, i) => `c${i}`));
      for (let i = 0; i < 10_050; i++) own.forgo([`c${i}`]);
      execute('c0');
    });
    expect(attested()).toEqual([expect.objectContaining({ unexecuted: [] })]);
  });
});

describe('a call that never begins in a session of the application’s own', () => {
  const unexecuted = () => attested().map((one) => one.unexecuted);

  test('is held against it once it would have begun', () => {
    session({ agent }, (own) => ask(own, 'c1'));
    vi.advanceTimersByTime(BEGIN_GRACE_MS + 2);
    expect(unexecuted()).toEqual([['c1']]);
  });

  test('is held against it when nothing can happen any more', () => {
    session({ agent }, (own) => ask(own, 'c1'));
    shutDownSessions(true);
    expect(unexecuted()).toEqual([['c1']]);
  });

  test('keeps it open no longer when the framework forgoes it', () => {
    session({ agent }, (own) => {
      ask(own, 'c1');
      return own;
    }).forgo(['c1']);
    expect(unexecuted()).toEqual([[]]);
  });

  test('is held against the process’s session too', async () => {
    execute('by hand', false);
    const own = runAction({ tool: { name: 'outer' }, arguments: {} }, () => currentSession());
    ask(own, 'c1');
    vi.advanceTimersByTime(BEGIN_GRACE_MS + 2);
    await Promise.all([flush(1), vi.advanceTimersByTimeAsync(2)]);
    expect(unexecuted()).toEqual([['c1']]);
  });
});
