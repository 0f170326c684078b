import { context } from '@opentelemetry/api';
import { guarded } from '../../errors.js';
import { type Frame, state } from '../../global.js';
import { runInSession } from '../../session.js';
import type { ActionCall, ActiveSession, Reason } from '../../types.js';
import { runOptions } from '../arming.js';
import { CurrentRun } from '../current-run.js';
import type { Hosted } from './hosted.js';
import { type Agent, type CallItem, callIdOf } from './types.js';

/** The agent that a run is with: after a handoff another one, in a session of its own. */
interface Scope {
  readonly session: ActiveSession;
  /** Runs a step in the session. */
  enter<T>(step: () => T): T;
}

/** One call of `Runner.run`. */
export interface AgentRun {
  scope: Scope;
  /** Settles as the run does; the sessions of agents that it was handed to end with it. */
  readonly over: Promise<unknown>;
  readonly conversationId: string | undefined;
  /** Calls that were asked for in the state that the run goes on from, by id, and why; without those that were asked for anew. */
  readonly before: Map<string, Reason | undefined>;
  /** What the provider's tools are waiting for. */
  readonly hosted: Hosted;
  /** The calls of the latest response that the runner was to run. */
  asked: { readonly session: ActiveSession; readonly callIds: readonly string[] } | undefined;
  /** Wraps the computer of the call that is under way. */
  computer: ((computer: unknown) => unknown) | undefined;
}

const agentRuns = new CurrentRun<AgentRun>('openai-agents');

/** The run that the present code belongs to; not that of a tool inside it, which may start runs of its own. */
export function currentRun(): AgentRun | undefined {
  return agentRuns.get();
}

/** Who asked for a call: a model of this run, unless it waited in a saved state. */
export function originOf(item: CallItem | undefined): Pick<ActionCall<unknown>, 'requested' | 'reason'> {
  const run = currentRun();
  const callId = callIdOf(item);
  const waited = callId !== undefined && run?.before.has(callId) === true;
  return { requested: run !== undefined && !waited, reason: waited ? run.before.get(callId) : undefined };
}

/** Runs `fn` as part of a new run in `session`. */
export function withRun<T>(session: ActiveSession, given: Omit<AgentRun, 'scope' | 'asked' | 'computer'>, fn: (run: AgentRun) => T): T {
  const run: AgentRun = { ...given, scope: { session, enter: (step) => step() }, asked: undefined, computer: undefined };
  return agentRuns.within(run, () => fn(run));
}

/** Wraps `executeHandoffCalls`: from then on the run is that of another agent, a child of the one that handed over. */
export function observedHandoff(original: (...args: never[]) => unknown): (this: unknown, ...args: unknown[]) => unknown {
  return async function (this: unknown, ...args) {
    const step: unknown = await Reflect.apply(original, this, args as never[]);
    const run = currentRun();
    if (run) guarded('handing over', () => handOver(run, step));
    return step;
  };
}

function handOver(run: AgentRun, step: unknown): void {
  const { nextStep } = step as { nextStep?: { type?: unknown; newAgent?: Agent } };
  if (nextStep?.type !== 'next_step_handoff') return;
  const { agent } = state().configuration.settings;
  const name = nextStep.newAgent?.name;
  const options = {
    ...runOptions(),
    // The id is the one that collectors and registers know the application by.
    agent: { ...agent, ...(typeof name === 'string' && { name }) },
    automatic: 'child' as const,
    ...(run.conversationId !== undefined && { conversationId: run.conversationId }),
  };
  const whole = run.scope.enter(() =>
    runInSession(options, (session) => {
      run.scope = scopeHere(session, run);
      return run.over;
    }),
  );
  // Whoever called the runner learns of its error.
  whole.catch(() => undefined);
}

function scopeHere(session: ActiveSession, run: AgentRun): Scope {
  const { frames } = state();
  const active = context.active();
  const own = agentRuns.attach(run) as Frame;
  return { session, enter: (step) => context.with(active, () => frames.run(own, step)) };
}
