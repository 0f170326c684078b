import { AsyncLocalStorage } from 'node:async_hooks';
import type { ActiveSession } from '../../types.js';
import { Utterance } from './reason.js';
import type { Part, ToolOptions } from './types.js';

/** One agent run: a call of generateText or streamText, on its own or inside an agent. */
export interface AgentRun {
  readonly session: ActiveSession;
  /** Whether the session was opened for this run alone, so that the run's end is the session's. */
  readonly owner: boolean;
  /** What the model called the tools that it asked for, by call id: `executeTool` is not told a name. */
  readonly toolNames: Map<string, string>;
  /** Calls that the provider runs itself, until their results come. */
  readonly providerCalls: Map<string, { readonly name: string; readonly input: unknown }>;
}

const RUNS = Symbol.for('agent-custody.instrumentation.v1.ai-runs');

/** Global, so that two copies of this package, or of the framework, see one run. */
function storage(): AsyncLocalStorage<AgentRun> {
  const holder = globalThis as { [RUNS]?: AsyncLocalStorage<AgentRun> };
  holder[RUNS] ??= new AsyncLocalStorage<AgentRun>();
  return holder[RUNS];
}

export function currentRun(): AgentRun | undefined {
  return storage().getStore();
}

/** Runs `fn` as part of a new agent run in `session`. */
export function withRun<T>(session: ActiveSession, owner: boolean, fn: (run: AgentRun) => T): T {
  const run: AgentRun = { session, owner, toolNames: new Map(), providerCalls: new Map() };
  return storage().run(run, fn, run);
}

/** A tool call that is in the conversation already, as when a run goes on after a human approved it. */
export function callInMessages(options: ToolOptions): { name: string; utterance: Utterance } | undefined {
  for (const message of options.messages ?? []) {
    if (message.role !== 'assistant' || !Array.isArray(message.content)) continue;
    const utterance = new Utterance();
    for (const part of message.content as Part[]) {
      if (part.type === 'tool-call' && part.toolCallId === options.toolCallId && typeof part.toolName === 'string') {
        return { name: part.toolName, utterance };
      }
      utterance.hear(part);
    }
  }
  return undefined;
}
