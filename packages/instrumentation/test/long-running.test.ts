import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { trace } from '@opentelemetry/api';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runAction } from '../src/action.js';
import { shutDownSessions } from '../src/exit.js';
import { configure, state } from '../src/global.js';
import { session } from '../src/session.js';
import { findings, linksOfRecords, memoryChannel, type Recording, record } from './support/recording.js';

let recording: Recording;
beforeEach(() => {
  recording = record();
});
afterEach(() => recording.stop());

const act = <T>(input: unknown, run: () => T): T => runAction({ tool: { name: 'job' }, arguments: input }, run);
const immediate = () => new Promise<void>((resolve) => setImmediate(resolve));

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

test('a worker that starts each job in the one before keeps none of them', async () => {
  // Enough for a row of spans that each hand on to the one before to overflow the stack.
  const jobs = 15_000;
  const { channel } = memoryChannel();
  configure({ evidence: { ...channel, append: () => true } });
  const depth = await new Promise<number>((resolve) => {
    const job = (left: number): void => {
      void act({ left }, async () => {
        await Promise.resolve();
        if (left > 0) return job(left - 1);
        trace.getActiveSpan()?.setAttribute('app.last', true);
        let frames = 0;
        for (let frame = state().frames.getStore(); frame; frame = frame.parent) frames++;
        return resolve(frames);
      });
    };
    job(jobs);
  });
  expect(depth).toBeLessThan(4);
});

test('sessions that each begin in the one before are each announced or named, and none is kept', async () => {
  const { channel, records } = memoryChannel();
  configure({ evidence: channel });
  const depth = await new Promise<number>((resolve) => {
    const run = (left: number): void => {
      void session({ agent: { id: `run ${left % 3}` } }, async () => {
        await act({ left }, async () => 1);
        if (left > 0) return run(left - 1);
        let frames = 0;
        for (let frame = state().frames.getStore(); frame; frame = frame.parent) frames++;
        return resolve(frames);
      });
    };
    run(50);
  });
  await immediate();
  shutDownSessions();
  expect(depth).toBeLessThan(4);
  expect(findings(linksOfRecords(records))).toEqual([]);
});

test.each(['span', 'evidence'])('what was given to a call that is over can be collected (%s)', async (way) => {
  if (way === 'evidence') configure({ evidence: memoryChannel().channel });
  const given: WeakRef<object>[] = [];
  const once = async (): Promise<void> => {
    const input = { invoice: given.length };
    given.push(new WeakRef(input));
    await act(input, async () => ({ paid: true }));
  };
  for (let i = 0; i < 200; i++) await once();
  await immediate();
  collectGarbage();
  // The engine may hold the very last one a little longer.
  expect(given.filter((reference) => reference.deref() !== undefined).length).toBeLessThan(3);
  expect(state().open.size).toBe(1);
});

test('neither listeners nor timers grow with the number of sessions', async () => {
  configure({ evidence: memoryChannel().channel });
  const count = () => ({
    listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
    timers: process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length,
  });
  session({ agent: { id: 'first' } }, () => act({}, () => 1));
  const before = count();
  for (let i = 0; i < 50; i++) await session({ agent: { id: 'next' } }, async () => act({ i }, async () => i));
  expect(count()).toEqual(before);
});
