import { guarded } from '../../errors.js';
import { outcomeOfError } from '../../failure.js';
import { currentSession, runInSession } from '../../session.js';
import type { ActiveSession, SessionOptions } from '../../types.js';
import { observeDecisions } from './approvals.js';
import { observeReference, unobserved } from './model.js';
import { type AgentRun, withRun } from './run.js';
import type { RunOptions } from './types.js';
import { PassingParts, watchStream } from './watch.js';

type Resolve = (name: string) => unknown;

/** Runs what answers a promise (generateText, an agent's generate) as one agent run. */
export function runAgent<T>(options: SessionOptions, signal: unknown, fn: (run: AgentRun) => T): T {
  const settled = inRun(options, (run) => {
    const result: unknown = fn(run);
    if (!(result instanceof Promise)) return result;
    const done = (value: unknown): unknown => {
      guarded('looking at what was run', () => run.calls.result(value));
      guarded('ending a run', () => run.calls.over());
      return value;
    };
    const failed = (error: unknown): Failed => {
      guarded('ending a run', () => run.calls.over());
      if (!run.owner) return new Failed(error);
      // An abort arrives as whatever error was made of it; the signal says what it was.
      guarded('settling the session', () => run.session.settle(isAborted(signal) ? 'cancelled' : outcomeOfError(error)));
      return new Failed(error);
    };
    return result.then(done, failed);
  });
  return (settled instanceof Promise ? settled.then(unpack) : settled) as T;
}

/** A rejection on its way past the session, which was told already how the run went. */
class Failed {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

function unpack(value: unknown): unknown {
  if (value instanceof Failed) throw value.error;
  return value;
}

/** Makes options of a stream whose parts can only be seen by what passes them on. */
export type Tapped = <O extends object>(options: O) => O;

/** Runs what answers a stream result, at once (streamText) or later (an agent's stream): the run lasts as long as the stream. */
export function runStreamingAgent<T>(options: SessionOptions, signal: unknown, fn: (run: AgentRun, tapped: Tapped) => T): T {
  return inRun(options, (run) => {
    const hold = guarded('holding the session for a stream', () => run.session.hold());
    const failed = (error: unknown): never => {
      guarded('ending a run', () => run.calls.over());
      guarded('ending a stream', () => hold?.release(isAborted(signal) ? 'cancelled' : outcomeOfError(error)));
      throw error;
    };
    const parts = new PassingParts();
    const tapped: Tapped = (given) => (hold && guarded('tapping a stream', () => parts.tapped(given, hold, run.calls, signal))) ?? given;
    const watch = <R>(result: R): R => {
      if (hold === undefined) return result;
      guarded('watching a stream', () => parts.follows(result as object) || watchStream(result, hold, run.calls, signal));
      return result;
    };
    let result: T;
    try {
      result = fn(run, tapped);
    } catch (error) {
      return failed(error);
    }
    return (result instanceof Promise ? result.then(watch, failed) : watch(result)) as T;
  });
}

function inRun<T>(options: SessionOptions, fn: (run: AgentRun) => T): T {
  const outer: ActiveSession | undefined = currentSession();
  return runInSession({ ...options, automatic: true }, (session) => withRun(session, session !== outer, fn));
}

function isAborted(signal: unknown): boolean {
  return signal instanceof AbortSignal && signal.aborted;
}

/** The options of a run with everything in them observed that can hold a model. The application's object is not touched. */
export function observeOptions<O extends RunOptions>(options: O, run: AgentRun, resolve: Resolve): O {
  run.calls.offers(options.tools);
  guarded('recording an approval', () => observeDecisions(options.messages ?? options.prompt, run));
  const changed: Record<string, unknown> = { model: observeReference(options.model, run, resolve) };
  for (const name of ['prepareStep', 'experimental_prepareStep'] as const) {
    const prepareStep = options[name];
    if (typeof prepareStep === 'function') changed[name] = observePrepareStep(prepareStep, run, resolve);
  }
  for (const name of ['repairToolCall', 'experimental_repairToolCall'] as const) {
    const repair = options[name];
    if (typeof repair === 'function') changed[name] = observeRepair(repair, run);
  }
  return { ...options, ...changed };
}

type Call = (this: unknown, ...args: unknown[]) => unknown;

/** Another model may be chosen for each step; the callback itself sees the application's own model. */
function observePrepareStep(prepareStep: unknown, run: AgentRun, resolve: Resolve): Call {
  return function (this: unknown, input, ...rest) {
    const shown = typeof input === 'object' && input !== null && 'model' in input ? { ...input, model: unobserved(input.model) } : input;
    return then(Reflect.apply(prepareStep as Call, this, [shown, ...rest]), (step) => {
      if (typeof step !== 'object' || step === null || !('model' in step)) return step;
      return { ...step, model: observeReference(unobserved(step.model), run, resolve) };
    });
  };
}

/** A repaired call may name another tool than the one that the model asked for. */
function observeRepair(repair: unknown, run: AgentRun): Call {
  return function (this: unknown, ...args) {
    return then(Reflect.apply(repair as Call, this, args), (call) => {
      const { toolCallId, toolName } = (call ?? {}) as { toolCallId?: unknown; toolName?: unknown };
      if (typeof toolCallId === 'string' && typeof toolName === 'string') run.toolNames.set(toolCallId, toolName);
      return call;
    });
  };
}

/** Keeps what is synchronous synchronous. */
function then(value: unknown, map: (value: unknown) => unknown): unknown {
  return value instanceof Promise ? value.then(map) : map(value);
}
