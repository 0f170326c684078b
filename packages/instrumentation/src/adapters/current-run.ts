import { type Frame, state } from '../global.js';

/**
 * Runs of one kind by frame of the session's own storage: a second AsyncLocalStorage would cost every promise of the application.
 * Global, so that two copies of this package, or of the framework, see one run. Inside a tool there is none: it may start others.
 */
export class CurrentRun<R extends object> {
  private readonly key: symbol;
  private readonly framesOf = new WeakMap<R, Frame>();

  constructor(name: string) {
    this.key = Symbol.for(`agent-custody.instrumentation.v1.${name}-runs`);
  }

  get(): R | undefined {
    const frame = state().frames.getStore();
    return frame && this.runs().get(frame);
  }

  /** Begins `run` with `fn`, in a frame of its own: runs that share a session share its frame. */
  within<T>(run: R, fn: () => T): T {
    const own = this.attach(run);
    return own === undefined ? fn() : state().frames.run(own, fn);
  }

  /** The run goes on in a frame of its own where the present code is; undefined outside of any session. */
  attach(run: R): Frame | undefined {
    const frame = state().frames.getStore();
    if (frame === undefined) return undefined;
    const own = { ...frame };
    this.runs().set(own, run);
    this.framesOf.set(run, own);
    return own;
  }

  /** Goes on with a run that has begun, from wherever the application is now. */
  enter<T>(run: R, fn: () => T): T {
    const frame = this.framesOf.get(run);
    return frame === undefined ? fn() : state().frames.run(frame, fn);
  }

  private runs(): WeakMap<Frame, R> {
    const holder = globalThis as { [key: symbol]: WeakMap<Frame, R> | undefined };
    const present = holder[this.key] ?? new WeakMap<Frame, R>();
    holder[this.key] = present;
    return present;
  }
}
