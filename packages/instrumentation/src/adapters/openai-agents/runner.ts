import { guarded } from '../../errors.js';
import { state } from '../../global.js';
import { type RunOptions, runInSession } from '../../session.js';
import type { Reason } from '../../types.js';
import { patchesEnabled, runOptions } from '../arming.js';
import { deferred } from '../deferred.js';
import { Hosted } from './hosted.js';
import { type AgentRun, withRun } from './run.js';
import { isRecord, type Method } from './types.js';
import { askedIn } from './words.js';

/**
 * Wraps `Runner.run`, which every run is: a run is a session. A streamed one lasts as long as its loop, which goes on whether anybody
 * reads or not.
 */
export function recordedRun(original: Method): Method {
  return function (this: unknown, ...args) {
    const run = (): unknown => Reflect.apply(original, this, args);
    if (!patchesEnabled()) return run();
    const [agent, input, options] = args;
    const signal = isRecord(options) && options['signal'] instanceof AbortSignal ? options['signal'] : undefined;
    const conversationId = conversationOf(this, options);
    const opened = optionsOf(agentOf(agent, input), conversationId, signal);
    const given = { conversationId, before: guarded('reading a saved state', () => askedBefore(input)) ?? new Map<string, Reason>() };
    if (isRecord(options) && options['stream'] === true) return streamed(opened, given, run);
    return inSession(opened, given, () => run() as Promise<unknown>);
  };
}

type Given = Pick<AgentRun, 'conversationId' | 'before'>;

/** A run that goes on from a saved state starts with calls that an earlier one was asked for. */
function askedBefore(input: unknown): Map<string, Reason | undefined> {
  const response = isRecord(input) && isRecord(input['_lastTurnResponse']) ? input['_lastTurnResponse'] : {};
  return new Map(askedIn(response['output'], new Set()).map(({ callId, reason }) => [callId, reason]));
}

function inSession(options: RunOptions, given: Given, start: () => Promise<unknown>): Promise<unknown> {
  return runInSession(options, (session) => {
    const end = deferred();
    end.promise.catch(() => undefined);
    return withRun(session, { ...given, over: end.promise, hosted: new Hosted() }, (run) => {
      const result = start();
      result.then(end.resolve, (error: unknown) => {
        // What it was about to run it never will; the session may be the application's, and go on.
        guarded('ending a run', () => run.asked?.session.forgo(run.asked.callIds));
        end.reject(error);
      });
      return result;
    });
  });
}

/** The caller gets the very promise of the framework's, while the session waits for the loop. */
function streamed(options: RunOptions, given: Given, run: () => unknown): unknown {
  let started: Promise<unknown> | undefined;
  const whole = inSession(options, given, () => {
    started = run() as Promise<unknown>;
    return started.then(loopOf);
  });
  whole.catch(() => undefined);
  return started;
}

/** Of `StreamedRunResult`. */
interface Streamed {
  readonly cancelled?: boolean;
  readonly error?: unknown;
  _getStreamLoopPromise?(): Promise<unknown> | undefined;
}

/** Settles when the loop is over, and as it ended; nobody's `completed` is touched, whose rejection is the application's to handle. */
async function loopOf(result: unknown): Promise<void> {
  const stream = result as Streamed;
  await stream._getStreamLoopPromise?.();
  if (stream.cancelled === true) throw new DOMException('the stream was cancelled', 'AbortError');
  if (stream.error !== undefined && stream.error !== null) throw stream.error;
}

function optionsOf(name: string | undefined, conversationId: string | undefined, signal: AbortSignal | undefined): RunOptions {
  const { agent } = state().configuration.settings;
  const given = agent.name !== agent.id ? agent.name : undefined;
  const shown = given ?? name;
  return {
    ...runOptions(),
    agent: { ...agent, ...(shown !== undefined && { name: shown }) },
    automatic: true,
    outcomeOf: () => (signal?.aborted ? 'cancelled' : undefined),
    ...(conversationId !== undefined && { conversationId }),
  };
}

/** The agent that a saved state stopped at, else the one that the run starts with. */
function agentOf(agent: unknown, input: unknown): string | undefined {
  const resumed = isRecord(input) && isRecord(input['_currentAgent']) ? input['_currentAgent'] : agent;
  const name = isRecord(resumed) ? resumed['name'] : undefined;
  return typeof name === 'string' && name !== '' ? name : undefined;
}

/** The conversation that the provider keeps, or the group that the application put its runs in. */
function conversationOf(runner: unknown, options: unknown): string | undefined {
  const config = isRecord(runner) && isRecord(runner['config']) ? runner['config'] : {};
  const own = isRecord(options) ? options['conversationId'] : undefined;
  return [own, config['groupId']].find((id): id is string => typeof id === 'string' && id !== '');
}
