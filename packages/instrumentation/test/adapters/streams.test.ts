import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { session } from '../../src/session.js';
import { deferred, findings, kinds, type Recording, record } from '../support/recording.js';
import { loadAi } from './support/ai.js';

const { ai, Model, model, call, text, add, streamOf, pieces, until } = loadAi();

let recording: Recording;
beforeEach(() => {
  recording = record();
});
afterEach(async () => {
  vi.useRealTimers();
  await recording.stop();
});

const adding = (tools: object = { add }) => ({ tools, prompt: 'Add.', stopWhen: until(5), onError: () => undefined });
const twoSteps = () => model([[call('s1', { a: 1, b: 2 })], [text('3')]]);
const outcomes = () => recording.kind('session.end').map(({ attributes }) => attributes['custody.session.outcome']);
const turn = () => new Promise((resolve) => setImmediate(resolve));
const ended = () => vi.waitUntil(() => recording.kind('session.end').length > 0, { interval: 1, timeout: 10_000 });
const statusOf = (callId: string) =>
  recording.kind('action.outcome').find(({ attributes }) => attributes['gen_ai.tool.call.id'] === callId)?.attributes[
    'custody.action.status'
  ];

afterEach(() => {
  expect(findings(recording.links())).toEqual([]);
});

describe('a stream that is read', () => {
  it('ends its session as completed, after the last step', async () => {
    expect(await ai.streamText({ model: twoSteps(), ...adding() }).text).toBe('3');
    await ended();
    expect(outcomes()).toEqual(['completed']);
    expect(kinds(recording.links())).toEqual(['session.start', 'action.intent', 'action.outcome', 'attestation', 'session.end']);
  });

  it('by two readers ends its session once', async () => {
    const result = ai.streamText({ model: twoSteps(), ...adding() });
    const readers = [result.textStream, result.fullStream].map(async (stream) => {
      for await (const _ of stream);
    });
    await Promise.all(readers);
    expect(outcomes()).toEqual(['completed']);
  });

  it('runs its tools in one session, however many run at once', async () => {
    const asked = Array.from({ length: 64 }, (_, at) => call(`p${at}`, { a: at, b: 1 }));
    let running = 0;
    const all = deferred<void>();
    const tool = {
      ...add,
      execute: async () => {
        if (++running === 64) all.resolve();
        await all.promise;
      },
    };
    await ai.streamText({ model: model([asked, [text('done')]]), ...adding({ add: tool }) }).text;
    expect(recording.kind('action.intent')).toHaveLength(64);
    expect(new Set(recording.links().map((link) => link.session)).size).toBe(1);
  });
});

describe('a stream that fails', () => {
  it('when the provider refuses: only onError tells, and the session ends as error', async () => {
    const refusing = new Model({ doStream: async () => Promise.reject(new Error('overloaded')) });
    const onError = vi.fn();
    await ai.streamText({ model: refusing, ...adding(), maxRetries: 0, onError }).consumeStream();
    expect(onError).toHaveBeenCalledOnce();
    expect(outcomes()).toEqual(['error']);
  });

  it('in a later step keeps what was done before', async () => {
    const failing = model([
      [call('s1', { a: 1, b: 2 })],
      () => {
        throw new Error('gone');
      },
    ]);
    await ai.streamText({ model: failing, ...adding(), maxRetries: 0 }).consumeStream();
    expect(statusOf('s1')).toBe('ok');
    expect(outcomes()).toEqual(['error']);
  });

  it('without a handler is printed by the framework as before', async () => {
    const print = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const refusing = new Model({ doStream: async () => Promise.reject(new Error('overloaded')) });
    await ai.streamText({ model: refusing, ...adding(), onError: undefined, maxRetries: 0 }).consumeStream();
    expect(print).toHaveBeenCalledOnce();
    print.mockRestore();
  });
});

describe('a stream that is aborted', () => {
  it('ends as cancelled, and a tool that goes on is recorded to its end', async () => {
    const controller = new AbortController();
    const finish = deferred<void>();
    const slow = { ...add, execute: async () => [controller.abort(), await finish.promise] };
    const reading = ai.streamText({ model: twoSteps(), ...adding({ add: slow }), abortSignal: controller.signal }).consumeStream();
    await vi.waitUntil(() => controller.signal.aborted, { interval: 1 });
    await turn();
    expect(recording.kind('session.end')).toEqual([]);
    finish.resolve();
    await reading;
    await ended();
    expect(statusOf('s1')).toBe('ok');
    expect(outcomes()).toEqual(['cancelled']);
  });

  it('puts down a tool that obeys the signal as cancelled', async () => {
    const controller = new AbortController();
    const obedient = {
      ...add,
      execute: (_: unknown, { abortSignal }: { abortSignal: AbortSignal }) =>
        new Promise((_resolve, reject) => {
          abortSignal.addEventListener('abort', () => reject(abortSignal.reason));
          controller.abort();
        }),
    };
    await ai.streamText({ model: twoSteps(), ...adding({ add: obedient }), abortSignal: controller.signal }).consumeStream();
    await ended();
    expect(statusOf('s1')).toBe('cancelled');
  });

  it('ends as cancelled when nobody reads on after the abort', async () => {
    const controller = new AbortController();
    const result = ai.streamText({ model: twoSteps(), ...adding(), abortSignal: controller.signal });
    for await (const part of result.fullStream) if (part.type === 'tool-result') break;
    controller.abort();
    await ended();
    expect(outcomes()).toEqual(['cancelled']);
  });
});

describe('a stream that is not read to its end', () => {
  const limit = 15 * 60 * 1000;
  const pretendTime = () => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });

  it('is abandoned when it was left with break and is garbage', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => undefined;
    await (async () => {
      for await (const part of ai.streamText({ model: twoSteps(), ...adding() }).fullStream) if (part.type === 'tool-result') break;
    })();
    await vi.waitUntil(() => gc() ?? recording.kind('session.end').length > 0, { interval: 1, timeout: 10_000 });
    expect(outcomes()).toEqual(['abandoned']);
    expect(statusOf('s1')).toBe('ok');
  });

  it('is abandoned when it was kept unread for the idle limit', async () => {
    pretendTime();
    const result = ai.streamText({ model: twoSteps(), ...adding() });
    for await (const part of result.fullStream) if (part.type === 'tool-result') break;
    await turn();
    vi.advanceTimersByTime(limit - 1000);
    expect(outcomes()).toEqual([]);
    vi.advanceTimersByTime(2000);
    expect(outcomes()).toEqual(['abandoned']);
    expect(result).toBeDefined();
  });

  it('leaves a chain when it was never read at all', async () => {
    pretendTime();
    const called = deferred<void>();
    const silent = new Model({ doStream: async () => ({ stream: streamOf(pieces([text('unheard')])), request: called.resolve() }) });
    const result = ai.streamText({ model: silent, ...adding() });
    await called.promise;
    await turn();
    vi.advanceTimersByTime(limit + 1000);
    expect(outcomes()).toEqual(['abandoned']);
    expect(result).toBeDefined();
  });

  it('is not abandoned while its reader waits for a tool that takes longer than the limit', async () => {
    pretendTime();
    const [began, finish] = [deferred<void>(), deferred<void>()];
    const slow = { ...add, execute: async () => [began.resolve(), await finish.promise] };
    const whole = ai.streamText({ model: twoSteps(), ...adding({ add: slow }) }).text;
    await began.promise;
    vi.advanceTimersByTime(2 * limit);
    finish.resolve();
    expect(await whole).toBe('3');
    await turn();
    expect(outcomes()).toEqual(['completed']);
  });
});

describe('a stream in a session of the application', () => {
  it('keeps that session open until it is read, and opens none of its own', async () => {
    const result = session({ agent: { id: 'outer' } }, () => ai.streamText({ model: twoSteps(), ...adding() }));
    expect(outcomes()).toEqual([]);
    await result.consumeStream();
    expect(outcomes()).toEqual(['completed']);
    expect(new Set(recording.links().map(({ attributes }) => attributes['gen_ai.agent.id']))).toEqual(new Set(['outer']));
  });
});
