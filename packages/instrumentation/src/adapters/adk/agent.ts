import { state } from '../../global.js';
import { currentSession, type RunOptions, runInSession } from '../../session.js';
import type { Agent } from '../../types.js';
import { patchesEnabled, runOptions } from '../arming.js';
import { AdkRun, adkRuns } from './run.js';
import { type InvocationContext, isRecord, type Method, signalOf, textOf } from './types.js';

/**
 * Wraps what runs an agent: a run is a session, one that is run by another agent's its child, be it a step of a sequence, a branch or
 * one that was handed over to.
 */
export function recordedAgent(original: Method): Method {
  return function (this: unknown, ...args) {
    const start = (): AsyncGenerator<unknown> => Reflect.apply(original, this, args) as AsyncGenerator<unknown>;
    if (!patchesEnabled()) return start();
    const context = (isRecord(args[0]) ? args[0] : {}) as InvocationContext;
    const outer = currentSession();
    const own = optionsOf(this, context);
    return runInSession(own, (session) => {
      const run = new AdkRun(session, own.agent, session !== outer, signalOf(context));
      return run.follow(adkRuns.within(run, start));
    });
  };
}

function optionsOf(agent: unknown, context: InvocationContext): RunOptions & { readonly agent: Agent } {
  const { agent: configured } = state().configuration.settings;
  const child = adkRuns.get() !== undefined;
  const own = isRecord(agent) ? textOf(agent['name']) : undefined;
  const name = !child && configured.name !== configured.id ? configured.name : own;
  const conversationId = textOf(context.session?.id);
  return {
    ...runOptions(),
    // The id is the one that collectors and registers know the application by.
    agent: { ...configured, ...(name !== undefined && { name }) },
    automatic: child ? 'child' : true,
    ...(conversationId !== undefined && { conversationId }),
  };
}
