import { runAction } from './action.js';
import { CustodyError, guarded } from './errors.js';
import { state } from './global.js';
import type { ActionStatus, ActiveSession, Reason, Redact } from './types.js';

/** How calls of one function are recorded. */
export interface AuditedOptions<A extends readonly unknown[] = readonly never[], R = unknown> {
  /** Why it is called: a text, or a function of the arguments. Recorded as a `declared` reason. */
  readonly reason?: string | ((...args: A) => string | undefined) | undefined;
  /** `gen_ai.tool.type`; `function` by default. */
  readonly type?: string | undefined;
  /**
   * The function runs only once the collector has durably taken its intent; when that takes too long it does not run. For functions
   * whose result is awaited only.
   */
  readonly durability?: 'acknowledged' | undefined;
  /** Whether callers await the result, so that a call can wait for an approval. Told by itself for `async` functions. */
  readonly awaited?: boolean | undefined;
  /** Replaces the configured redaction for this function. */
  readonly redact?: Redact | undefined;
  /** What is recorded as the arguments; by default the one argument when it is a plain object, else the array of all. */
  readonly arguments?: ((...args: A) => unknown) | undefined;
  /** Reads a status from a result, for functions that report errors by what they return. */
  readonly statusOf?: ((result: Awaited<R>) => ActionStatus) | undefined;
  /** By default the current session, else the process's. */
  readonly session?: ActiveSession | undefined;
}

/** A standard (stage 3) method decorator. */
export type AuditedDecorator = <This, A extends unknown[], R>(
  method: (this: This, ...args: A) => R,
  context: ClassMethodDecoratorContext<This, (this: This, ...args: A) => R>,
) => (this: This, ...args: A) => R;

/**
 * Records every call of a function as an action: the intent before it runs, the outcome after. The function that it answers takes
 * the same arguments and `this`, and gives the same results and errors; recording never breaks a call. One that the policy, or a
 * human, refuses does not run: it throws `ActionDenied`, or rejects with it.
 *
 * Without a function it is a standard (stage 3) method decorator, for private, static, asynchronous and generator methods too.
 *
 * @param name the tool's name; for a decorator the method's by default
 * @throws CustodyError `invalid_argument` for something that is no function; `invalid_decorator` when the decorator is put on
 * anything but a method, or compiled with `experimentalDecorators`
 * @example const send = audited('send_email', sendEmail, { reason: (mail) => `asked by ${mail.requester}` });
 */
export function audited<This, A extends unknown[], R>(
  name: string,
  fn: (this: This, ...args: A) => R,
  options?: AuditedOptions<A, R>,
): (this: This, ...args: A) => R;
export function audited(name?: string, options?: AuditedOptions): AuditedDecorator;
export function audited(options: AuditedOptions): AuditedDecorator;
export function audited(first?: string | AuditedOptions, second?: unknown, third?: AuditedOptions): unknown {
  if (typeof second === 'function') return wrap(named(first), second as Callable, (third ?? {}) as AuditedOptions<unknown[]>);
  if (second !== undefined && (typeof second !== 'object' || second === null)) {
    throw new CustodyError(
      'invalid_argument',
      `audited('${named(first)}', …): the second argument is a ${typeof second}; give the function to wrap`,
    );
  }
  const name = typeof first === 'string' ? first : undefined;
  const options = (typeof first === 'object' ? first : second) ?? {};
  return decorator(name, options as AuditedOptions<unknown[]>);
}

/** Properties of a function that are not copied; name, length and whatever the application put there are. */
const EACH_ITS_OWN: ReadonlySet<string | symbol> = new Set(['prototype', 'arguments', 'caller']);

type Callable = (this: unknown, ...args: unknown[]) => unknown;

function named(name: unknown): string {
  if (typeof name === 'string' && name !== '') return name;
  throw new CustodyError('invalid_argument', "audited: the tool's name is missing: audited('send_email', sendEmail)");
}

function decorator(name: string | undefined, options: AuditedOptions<unknown[]>) {
  return (method: unknown, context: unknown): unknown => {
    if (typeof context !== 'object' || context === null || !('kind' in context)) {
      throw new CustodyError(
        'invalid_decorator',
        '@audited() is a standard (stage 3) decorator, and this code is compiled with experimentalDecorators: use audited(name, fn) instead, or turn that option off',
      );
    }
    const { kind, name: key } = context as ClassMethodDecoratorContext;
    if (kind !== 'method' || typeof method !== 'function') {
      throw new CustodyError(
        'invalid_decorator',
        `@audited() on ${String(key)}: it is a ${kind}, not a method; wrap its function with audited(name, fn)`,
      );
    }
    return wrap(name ?? methodName(key), method as Callable, options);
  };
}

function methodName(key: string | symbol): string {
  return typeof key === 'symbol' ? (key.description ?? 'symbol') : key.replace(/^#/, '');
}

function wrap(name: string, fn: Callable, options: AuditedOptions<unknown[]>): Callable {
  const { type = 'function', redact, session, statusOf, durability } = options;
  const awaited = waitingOf(name, fn, options);
  const recorded = function (this: unknown, ...args: unknown[]): unknown {
    const call = {
      tool: { name, type },
      // Asked again after a wait: what the application changed meanwhile is not what was decided about.
      get arguments() {
        return guarded(`the arguments option of ${name}`, () => argumentsOf(args, options));
      },
      reason: guarded(`the reason option of ${name}`, () => reasonOf(args, options)),
      signal: guarded('looking for a signal', () => signalOf(args)),
      session,
      redact,
      statusOf,
      awaited,
      acknowledged: durability === 'acknowledged',
    };
    return runAction(call, () => fn.apply(this, args));
  };
  for (const key of Reflect.ownKeys(fn)) {
    if (!EACH_ITS_OWN.has(key)) Object.defineProperty(recorded, key, Object.getOwnPropertyDescriptor(fn, key) as PropertyDescriptor);
  }
  return recorded;
}

/** How a caller waits for it; undefined for a function that answers at once. */
function waitingOf(name: string, fn: Callable, options: AuditedOptions<unknown[]>): 'promise' | 'iterator' | undefined {
  const kind = Object.prototype.toString.call(fn);
  if (kind === '[object AsyncGeneratorFunction]') return 'iterator';
  const awaited = options.awaited ?? kind === '[object AsyncFunction]';
  if (awaited) return 'promise';
  const wanted =
    options.durability === 'acknowledged' || guarded('asking the guard', () => state().configuration.guard?.acknowledged?.(name));
  if (!wanted) return undefined;
  throw new CustodyError(
    'invalid_argument',
    `audited('${name}', …): durability 'acknowledged' has to wait for the collector, and the function is not async: make it async, or say awaited: true when every caller awaits it`,
  );
}

/** One object stands for itself, everything else for the list that it is: no two calls look alike. */
function argumentsOf(args: readonly unknown[], options: AuditedOptions<unknown[]>): unknown {
  if (options.arguments) return options.arguments(...args);
  return args.length === 1 && isPlainObject(args[0]) ? args[0] : [...args];
}

function reasonOf(args: unknown[], { reason }: AuditedOptions<unknown[]>): Reason | undefined {
  const text = typeof reason === 'function' ? reason(...args) : reason;
  return text === undefined ? undefined : { text, source: 'declared' };
}

/** The caller's own signal, where functions usually take it: an argument, or `signal` in the last one. */
function signalOf(args: readonly unknown[]): AbortSignal | undefined {
  const last = args.at(-1);
  const option = isPlainObject(last) ? (Object.getOwnPropertyDescriptor(last, 'signal')?.value as unknown) : undefined;
  return [...args, option].find((value): value is AbortSignal => value instanceof AbortSignal);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
