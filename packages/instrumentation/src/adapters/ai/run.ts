import type { ActiveSession } from '../../types.js';
import { CurrentRun } from '../current-run.js';
import { RunCalls } from './calls.js';
import { Utterance } from './reason.js';
import type { Part, ToolOptions } from './types.js';

/** One agent run: a call of generateText or streamText, on its own or inside an agent. */
export interface AgentRun {
  readonly session: ActiveSession;
  /** Whether the session was opened for this run alone, so that the run's end is the session's. */
  readonly owner: boolean;
  /** What the model called the tools that it asked for, by call id: `executeTool` is not told a name. */
  readonly toolNames: Map<string, string>;
  readonly calls: RunCalls;
  /** Calls that the provider runs itself, until their results come. */
  readonly providerCalls: Map<string, ProviderCall>;
}

interface ProviderCall {
  readonly name: string;
  readonly input: unknown;
  /** By a human, before this run. */
  readonly approved?: boolean;
}

/** What a {@link Response} needs of a run; other frameworks speak to the same models. */
export type AskingRun = Pick<AgentRun, 'session' | 'toolNames' | 'providerCalls'> & {
  readonly calls: Pick<RunCalls, 'modelCall' | 'runs'>;
};

const agentRuns = new CurrentRun<AgentRun>('ai');

/** The run that the present code belongs to; not that of a tool inside it, which may start runs of its own. */
export function currentRun(): AgentRun | undefined {
  return agentRuns.get();
}

/** Runs `fn` as part of a new agent run in `session`. */
export function withRun<T>(session: ActiveSession, owner: boolean, fn: (run: AgentRun) => T): T {
  const run: AgentRun = { session, owner, toolNames: new Map(), calls: new RunCalls(session), providerCalls: new Map() };
  return agentRuns.within(run, () => fn(run));
}

/** A tool call that is in the conversation already, as when a run goes on after a human approved it: the last one by its id. */
export function callInMessages(options: ToolOptions): { name: string; utterance: Utterance } | undefined {
  for (const message of [...(options.messages ?? [])].reverse()) {
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
