import { AsyncResource } from 'node:async_hooks';
import { guarded } from './errors.js';
import { IdleTimer } from './idle.js';

/** Who wants to know how a call ends, be it at once, later, or step by step. Exactly one of value, error and stopped is the end. */
export interface Observer {
  /** Runs a step of a generator where the call itself ran. */
  within<R>(step: () => R): R;
  /** Undefined where there is none to be had. */
  value(value: unknown): void;
  error(error: unknown): void;
  /** One value of a stream. */
  yielded(value: unknown): void;
  stopped(how: Stop): void;
}

/** `exhausted`: read to its end. `returned`: the reader stopped early. `unread`: nobody read it for the idle limit. */
export type Stop = 'exhausted' | 'returned' | 'unread';

type Method = (...args: unknown[]) => unknown;
type Step = { readonly done?: boolean; readonly value: unknown };

/**
 * Follows a result to its end without changing what the caller gets: values stay what they are, promises promises, and iterators
 * the same objects, with their methods replaced in place.
 */
export function observe<T>(result: T, observer: Observer, idleMs: number): T {
  const kind = guarded('looking at a result', () => kindOf(result)) ?? 'value';
  switch (kind) {
    case 'promise':
      return observePromise(result as Promise<unknown>, observer, idleMs) as T;
    case 'thenable':
      return observeThenable(result, observer, idleMs);
    case 'async iterator':
    case 'generator':
      return observeIterator(result, observer, idleMs);
    case 'async iterable':
      return observeIterable(result, observer, idleMs);
    case 'handed over':
      observer.value(undefined);
      return result;
    case 'value':
      observer.value(result);
      return result;
  }
}

type Kind = 'value' | 'handed over' | 'promise' | 'thenable' | 'generator' | 'async iterator' | 'async iterable';

function kindOf(result: unknown): Kind {
  if (result === null || (typeof result !== 'object' && typeof result !== 'function')) return 'value';
  if (result instanceof Promise && result.constructor === Promise && !Object.hasOwn(result, 'then')) return 'promise';
  const shape = result as { then?: unknown; next?: unknown; [Symbol.asyncIterator]?: unknown };
  if (typeof shape.then === 'function') return 'thenable';
  if (typeof shape[Symbol.asyncIterator] === 'function') {
    if (typeof shape.next === 'function') return 'async iterator';
    // A byte stream can be read in ways that cannot all be followed; that it was handed over is the result.
    return 'getReader' in result || 'pipe' in result ? 'handed over' : 'async iterable';
  }
  return Object.prototype.toString.call(result) === '[object Generator]' ? 'generator' : 'value';
}

/** The derived promise settles after the outcome is recorded, and is handled or unhandled exactly when the caller leaves it so. */
function observePromise(promise: Promise<unknown>, observer: Observer, idleMs: number): Promise<unknown> {
  const derived = promise.then(
    (value) => observe(value, observer, idleMs),
    (error) => {
      observer.error(error);
      throw error;
    },
  );
  // Such as `child` of a promisified exec, or `cancel`. Symbols are left out: node keeps the asynchronous context under some.
  for (const name of Object.getOwnPropertyNames(promise)) {
    Object.defineProperty(derived, name, Object.getOwnPropertyDescriptor(promise, name) as PropertyDescriptor);
  }
  return derived;
}

/**
 * Promises with more to them (an API client's, a query that runs when it is awaited) stay the same object and are never awaited by
 * us: `then`, which `await`, `catch` and `finally` come through, tells when the caller does.
 */
function observeThenable<T>(thenable: T, observer: Observer, idleMs: number): T {
  const inner = (thenable as { then: Method }).then;
  const idle = new IdleTimer(idleMs, () => observer.stopped('unread'));
  let followed = false;
  const then = function (this: unknown, onFulfilled?: unknown, onRejected?: unknown): unknown {
    idle.enter();
    // What the caller does with the result is no part of the call.
    const onValue = typeof onFulfilled === 'function' ? AsyncResource.bind(onFulfilled as Method) : undefined;
    const onError = typeof onRejected === 'function' ? AsyncResource.bind(onRejected as Method) : undefined;
    const value = (settled: unknown): unknown => {
      idle.stop();
      const seen = followed ? settled : observe(settled, observer, idleMs);
      followed = true;
      return onValue ? onValue(seen) : seen;
    };
    const error = (reason: unknown): unknown => {
      idle.stop();
      observer.error(reason);
      if (onError) return onError(reason);
      throw reason;
    };
    return observer.within(() => inner.call(this, value, error));
  };
  if (replace(thenable, 'then', then)) return thenable;
  idle.stop();
  observer.value(undefined);
  return thenable;
}

function observeIterator<T>(iterator: T, observer: Observer, idleMs: number): T {
  const idle = new IdleTimer(idleMs, () => observer.stopped('unread'));
  const after = (step: unknown, asked: string): unknown => {
    idle.leave();
    const { done, value } = (step ?? {}) as Partial<Step>;
    if (done !== true) observer.yielded(value);
    else {
      idle.stop();
      observer.stopped(asked === 'return' ? 'returned' : 'exhausted');
    }
    return step;
  };
  const failed = (error: unknown): never => {
    idle.stop();
    observer.error(error);
    throw error;
  };
  let replaced = false;
  for (const name of ['next', 'return', 'throw'] as const) {
    const inner = (iterator as Record<string, unknown>)[name];
    if (typeof inner !== 'function') continue;
    const method = function (this: unknown, ...args: unknown[]): unknown {
      idle.enter();
      let step: unknown;
      try {
        step = observer.within(() => inner.apply(this, args));
      } catch (error) {
        return failed(error);
      }
      return step instanceof Promise ? step.then((settled) => after(settled, name), failed) : after(step, name);
    };
    replaced = replace(iterator, name, method) || replaced;
  }
  if (!replaced) {
    idle.stop();
    observer.value(undefined);
  }
  return iterator;
}

/** The first iteration is the one that counts. */
function observeIterable<T>(iterable: T, observer: Observer, idleMs: number): T {
  const inner = (iterable as { [Symbol.asyncIterator]: Method })[Symbol.asyncIterator];
  const idle = new IdleTimer(idleMs, () => observer.stopped('unread'));
  let begun = false;
  const iterate = function (this: unknown, ...args: unknown[]): unknown {
    const first = !begun;
    begun = true;
    idle.stop();
    try {
      const iterator = observer.within(() => inner.apply(this, args));
      return first ? observeIterator(iterator, observer, idleMs) : iterator;
    } catch (error) {
      if (first) observer.error(error);
      throw error;
    }
  };
  if (replace(iterable, Symbol.asyncIterator, iterate)) return iterable;
  idle.stop();
  observer.value(undefined);
  return iterable;
}

function replace(target: unknown, name: string | symbol, value: Method): boolean {
  try {
    Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });
    return true;
  } catch {
    return false; // frozen, or a proxy that refuses: it stays as it is
  }
}
