import { type Frame, state } from '../global.js';
import type { ActiveSession, AskedCall, ModelCall, Reason } from '../types.js';

/** One run of a loop in which a model asks for tools and the framework runs them: which calls are still to come. */
export class LoopRun {
  readonly session: ActiveSession;
  private readonly pending = new Set<string>();

  constructor(session: ActiveSession) {
    this.session = session;
  }

  /** Hands on what a model asked for; those that the framework is to run are remembered until they do. */
  asked(model: ModelCall, calls: readonly AskedCall[], reason: Reason | undefined): void {
    model.asked(calls, reason);
    for (const { callId, runs } of calls) if (runs) this.expects(callId);
  }

  /** The framework is going to run this call. */
  protected expects(callId: string): void {
    this.pending.add(callId);
  }

  executed(callId: string | undefined): void {
    if (callId !== undefined) this.pending.delete(callId);
  }

  /** Calls that the framework was to run and that were not seen to begin. */
  protected get unexecuted(): string[] {
    return [...this.pending];
  }

  /** These are honestly not run after all; without a list: all that are still to come. */
  forgo(callIds: readonly string[] = [...this.pending]): void {
    const open = callIds.filter((callId) => this.pending.delete(callId));
    if (open.length > 0) this.session.forgo(open);
  }
}

/**
 * Runs of one kind by frame of the session's own storage: a second AsyncLocalStorage would cost every promise of the application.
 * Global, so that two copies of this package, or of the framework, see one run. Inside a tool there is none: it may start others.
 */
export class CurrentRun<R extends LoopRun> {
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
    const { frames } = state();
    const frame = frames.getStore();
    if (frame === undefined) return fn();
    const own = { ...frame };
    this.runs().set(own, run);
    this.framesOf.set(run, own);
    return frames.run(own, fn);
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
