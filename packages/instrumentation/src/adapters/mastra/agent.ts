import { guarded } from '../../errors.js';
import { state } from '../../global.js';
import { type RunOptions, runInSession } from '../../session.js';
import type { Agent, SessionOutcome } from '../../types.js';
import { patchesEnabled, runOptions } from '../arming.js';
import { decisionIn } from './decision.js';
import { MastraRun, mastraRuns } from './run.js';
import { withStep } from './steps.js';
import { isRecord, type Method, type RunOptions as Options, type Output, textOf } from './types.js';

/** Wraps a method of `Agent` that answers when its run is over; the session has ended then, for whoever ends the process next. */
export function recordedRun(original: Method, kind: Kind = {}): Method {
  const follow: Follow = (start) => {
    const { started, whole } = start((own) => own);
    const answer = (): unknown => started;
    return whole.then(answer, answer);
  };
  return observedRun(original, follow, kind);
}

/** Wraps a method of `Agent` that answers a stream: the run lasts as long as that. */
export function recordedStream(original: Method, kind: Kind = {}): Method {
  return observedRun(original, (start) => start((own) => own.then(overOf)).started, kind);
}

interface Kind {
  /** It goes on with a run that had stopped; its first argument says with what. */
  readonly resumed?: boolean;
  /** It has several agents run. */
  readonly network?: boolean;
}

/** How a run ended that did not throw: neither an abort nor an error in the middle of a stream is thrown. */
class Ended extends Error {
  constructor(readonly outcome: SessionOutcome) {
    super();
  }
}

interface Begun {
  /** What the framework answers. */
  readonly started: Promise<unknown>;
  /** The run with everything that belongs to it. */
  readonly whole: Promise<unknown>;
}

/** Gives what the caller gets; its argument starts the run, which lasts as long as what is made of the framework's promise. */
type Follow = (start: (lasts: (own: Promise<unknown>) => Promise<unknown>) => Begun) => unknown;

function observedRun(original: Method, follow: Follow, { resumed = false, network = false }: Kind): Method {
  return function (this: unknown, ...args) {
    if (!patchesEnabled()) return Reflect.apply(original, this, args);
    const options = (isRecord(args[1]) ? args[1] : {}) as Options;
    const outer = mastraRuns.get();
    const decision = resumed ? guarded('looking at a decision', () => decisionIn(args[0], options)) : undefined;
    // The model of a network comes next, or an agent: what was decided was about a call before it.
    if (outer?.network) outer.over();
    return follow((lasts) => {
      let started: Promise<unknown> = Promise.resolve();
      const own = optionsOf(this, options, outer);
      const whole = runInSession(own, (session) => {
        const run = new MastraRun({ session, agent: own.agent, decision, network });
        const given = guarded('observing options', () => withStep(args[1], run)) ?? args[1];
        started = mastraRuns.within(run, () => Reflect.apply(original, this, [args[0], given, ...args.slice(2)])) as Promise<unknown>;
        return ended(run, lasts(started), options.abortSignal);
      });
      // Whoever called the agent gets its error.
      whole.catch(ignore);
      return { started, whole };
    });
  };
}

/** Out of the scope that holds the output: a stream that nobody reads is to become garbage. */
async function ended(run: MastraRun, over: Promise<unknown>, signal: unknown): Promise<void> {
  try {
    checkOutcome(await over, signal);
  } finally {
    guarded('ending a run', () => run.over());
  }
}

function ignore(): void {}

function checkOutcome(output: unknown, signal: unknown): void {
  const { status, finishReason } = (isRecord(output) ? output : {}) as Output;
  if (status === 'failed') throw new Ended('error');
  if (status === 'canceled' || finishReason === 'aborted' || isAborted(signal)) throw new Ended('cancelled');
  if (status === 'abandoned') throw new Ended('abandoned');
}

function isAborted(signal: unknown): boolean {
  return signal instanceof AbortSignal && signal.aborted;
}

/**
 * Settles with the stream's status when it is over, or, where nobody reads it to its end and no callback tells of that, when it is
 * garbage. Must not hold on to the output, which could not be collected otherwise.
 */
function overOf(output: unknown): Promise<unknown> {
  if (!isRecord(output)) return Promise.resolve(output);
  // Of a network it is a promise, which settles with it, read or not.
  const { status } = output;
  if (status instanceof Promise) return status.then((own: unknown) => ({ status: own }));
  if (typeof output['_waitUntilFinished'] !== 'function') return Promise.resolve(output);
  const own = new WeakRef(output);
  const finished = (output as Required<Output>)._waitUntilFinished().then(() => ({ status: own.deref()?.['status'] }));
  const collected = new Promise((resolve) => uncollected.register(output, () => resolve({ status: 'abandoned' })));
  return Promise.race([finished, collected]);
}

const uncollected = new FinalizationRegistry<() => void>((end) => end());

function optionsOf(agent: unknown, options: Options, outer: MastraRun | undefined): RunOptions & { readonly agent: Agent } {
  const { agent: configured } = state().configuration.settings;
  const own = isRecord(agent) ? textOf(agent['name']) : undefined;
  const name = configured.name !== configured.id ? configured.name : own;
  const conversationId = threadOf(options);
  return {
    ...runOptions(),
    // The id is the one that collectors and registers know the application by.
    agent: { ...configured, ...(name !== undefined && { name }) },
    automatic: outer?.network ? 'child' : true,
    outcomeOf: (error) => (error instanceof Ended ? error.outcome : isAborted(options.abortSignal) ? 'cancelled' : undefined),
    ...(conversationId !== undefined && { conversationId }),
  };
}

function threadOf({ memory, threadId }: Options): string | undefined {
  const thread = memory?.thread;
  return textOf(thread) ?? (isRecord(thread) ? textOf(thread['id']) : undefined) ?? textOf(threadId);
}
