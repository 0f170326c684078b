import { ATTR } from '@agent-custody/chain';
import { trace } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { runAction } from '../src/action.js';
import { shutDownSessions } from '../src/exit.js';
import { configure } from '../src/global.js';
import { session } from '../src/session.js';
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
const act = <T>(run: () => T, tool = 'pay'): T => runAction({ tool: { name: tool }, arguments: { invoice: 7 } }, run);
const statuses = () => recording.kind('action.outcome').map((outcome) => outcome.attributes[ATTR.actionStatus]);
const expectHonest = () => {
  shutDownSessions();
  expect(findings(recording.links())).toEqual([]);
};

describe('an action that answers with a stream', () => {
  async function* letters(): AsyncGenerator<string, string, string | undefined> {
    yield 'a';
    yield 'b';
    return 'end';
  }

  test('ends when the stream does, and commits to what it yielded', async () => {
    configure({ capture: { arguments: true, reason: true, result: true, maxBytes: 16_384 } });
    const seen: string[] = [];
    const stream = act(letters);
    for await (const letter of stream) {
      expect(statuses()).toEqual([]);
      seen.push(letter);
    }
    expect(seen).toEqual(['a', 'b']);
    expect(statuses()).toEqual(['ok']);
    expect(recording.kind('action.outcome')[0]?.content[ATTR.toolResult]).toBe('["a","b"]');
    expectHonest();
  });

  test('is the same generator, with its values, return value and errors', async () => {
    const original = letters();
    const stream = act(() => original);
    expect(stream).toBe(original);
    expect(await stream.next()).toEqual({ done: false, value: 'a' });
    expect(await stream.return('stopped')).toEqual({ done: true, value: 'stopped' });
    const error = new RangeError('torn');
    await expect(act(letters).throw(error)).rejects.toBe(error);
    expect(statuses()).toEqual(['cancelled', 'error']);
    expectHonest();
  });

  test('runs every step inside the action', async () => {
    const ids: (string | undefined)[] = [];
    const stream = act(async function* () {
      ids.push(trace.getActiveSpan()?.spanContext().spanId);
      yield 1;
      ids.push(trace.getActiveSpan()?.spanContext().spanId);
      act(() => 1, 'inner');
    });
    for await (const _ of stream) expect(trace.getActiveSpan()).toBeUndefined();
    const [inner, outer] = recording.kind('action.outcome');
    expect(ids).toEqual([outer?.spanId, outer?.spanId]);
    expect(recording.kind('action.intent')[1]?.attributes[ATTR.actionParentId]).toBe(outer?.attributes[ATTR.actionId]);
    expect(inner?.attributes[ATTR.toolName]).toBe('inner');
    expectHonest();
  });

  test('that nobody reads counts as closed after the idle limit', () => {
    vi.useFakeTimers();
    configure({ idleMs: 60_000 });
    session({ agent }, () => ({ stream: act(letters) }));
    vi.advanceTimersByTime(61_000);
    expect(statuses()).toEqual(['cancelled']);
    expect(recording.kind('session.end')[0]?.attributes[ATTR.sessionOutcome]).toBe('abandoned');
    expectHonest();
  });

  test('that is waited for is not idle, however long it takes', async () => {
    vi.useFakeTimers();
    configure({ idleMs: 60_000 });
    const gate = deferred<void>();
    const stream = act(async function* () {
      await gate.promise;
      yield 1;
    });
    const first = stream.next();
    vi.advanceTimersByTime(600_000);
    expect(statuses()).toEqual([]);
    gate.resolve();
    await first;
    await stream.next();
    expect(statuses()).toEqual(['ok']);
    expectHonest();
  });

  test('works for synchronous generators, promised ones, and iterables that make their iterator later', async () => {
    function* numbers() {
      yield 1;
      yield 2;
    }
    expect([...act(numbers)]).toEqual([1, 2]);
    const seen: string[] = [];
    for await (const letter of await act(async () => letters())) seen.push(letter);
    const iterable = { [Symbol.asyncIterator]: () => letters() };
    const same = act(() => iterable);
    expect(same).toBe(iterable);
    for await (const letter of same) seen.push(letter);
    expect(seen).toEqual(['a', 'b', 'a', 'b']);
    expect(statuses()).toEqual(['ok', 'ok', 'ok']);
    expectHonest();
  });

  test('that cannot be followed is left alone', async () => {
    const frozen = Object.freeze(letters());
    expect(act(() => frozen)).toBe(frozen);
    expect(await frozen.next()).toEqual({ done: false, value: 'a' });
    expect(statuses()).toEqual(['ok']);
    expectHonest();
  });

  test('that fails to begin is recorded as failed', async () => {
    const error = new RangeError('no iterator');
    const iterable = act(() => ({
      [Symbol.asyncIterator](): AsyncIterator<string> {
        throw error;
      },
    }));
    expect(() => iterable[Symbol.asyncIterator]()).toThrow(error);
    expect(statuses()).toEqual(['error']);
    expectHonest();
  });

  test('of bytes is handed over as it is', () => {
    const stream = new ReadableStream();
    expect(act(() => stream)).toBe(stream);
    expect(statuses()).toEqual(['ok']);
    expectHonest();
  });
});

describe('an action that answers with more than a promise', () => {
  class Query implements PromiseLike<string> {
    runs = 0;
    // biome-ignore lint/suspicious/noThenProperty: lazy queries are thenables, and that is what is tested
    then: PromiseLike<string>['then'] = (ok, no) => {
      this.runs++;
      return Promise.resolve('rows').then(ok, no);
    };
  }

  test('does not run a lazy query by itself, and not twice', async () => {
    const query = new Query();
    const same = act(() => query);
    expect(same).toBe(query);
    expect(query.runs).toBe(0);
    expect(await same).toBe('rows');
    expect(query.runs).toBe(1);
    expect(statuses()).toEqual(['ok']);
    expectHonest();
  });

  test('runs inside the action, and what the caller does with it outside', async () => {
    const inside: boolean[] = [];
    const active = () => inside.push(trace.getActiveSpan() !== undefined);
    const query = {
      // biome-ignore lint/suspicious/noThenProperty: lazy queries are thenables, and that is what is tested
      then(ok: (value: number) => void) {
        active();
        queueMicrotask(() => ok(1));
      },
    };
    await new Promise<void>((resolve) => {
      act(() => query).then(() => {
        active();
        resolve();
      });
    });
    expect(inside).toEqual([true, false]);
    expectHonest();
  });

  test('is not waited for for ever when nobody awaits it', () => {
    vi.useFakeTimers();
    configure({ idleMs: 60_000 });
    act(() => new Query());
    vi.advanceTimersByTime(61_000);
    expect(statuses()).toEqual(['cancelled']);
    expectHonest();
  });

  test('that cannot be followed is left alone', async () => {
    const frozen = Object.freeze(new Query());
    expect(act(() => frozen)).toBe(frozen);
    expect(statuses()).toEqual(['ok']);
    expectHonest();
  });

  test('keeps what a promise carries, such as the child of a promisified exec', async () => {
    const child = { pid: 7 };
    const promised = act(() => Object.assign(Promise.resolve('out'), { child }));
    expect(promised.child).toBe(child);
    expect(await promised).toBe('out');
    expect(statuses()).toEqual(['ok']);
    expectHonest();
  });

  test('keeps a subclass of Promise with its methods', async () => {
    class ApiPromise<T> extends Promise<T> {
      asResponse() {
        return 'raw';
      }
    }
    const api = act(() => ApiPromise.resolve(5) as ApiPromise<number>);
    expect(api.asResponse()).toBe('raw');
    expect(await api).toBe(5);
    const failing = act(() => ApiPromise.reject(new TypeError('no')) as ApiPromise<number>);
    await expect(failing).rejects.toThrow('no');
    expect(statuses()).toEqual(['ok', 'error']);
    expectHonest();
  });
});
