import type { Agent } from '../../types.js';
import type { AskingRun } from '../ai/run.js';
import type { CallOptions, Part } from '../ai/types.js';
import { CurrentRun } from '../current-run.js';
import { LoopRun } from '../loop-run.js';
import { TakenUp } from '../taken-up.js';
import type { Decision } from './decision.js';
import { textOf } from './types.js';

/** What a run is opened with. */
interface Opening {
  readonly session: LoopRun['session'];
  readonly agent: Agent;
  /** What a human said about the call that it goes on with. */
  readonly decision: Decision | undefined;
  /** It has no model of its own: agents run under it, and tools that it runs by itself. */
  readonly network: boolean;
}

/** One run of an agent. */
export class MastraRun extends LoopRun implements AskingRun {
  readonly toolNames = new Map<string, string>();
  readonly providerCalls: AskingRun['providerCalls'] = new Map();
  readonly calls: AskingRun['calls'];
  readonly decision: Decision | undefined;
  readonly network: boolean;
  readonly takenUp: TakenUp;
  private readonly tools = new Set<string>();
  private readonly missing = new Set<string>();

  constructor({ session, agent, decision, network }: Opening) {
    super(session);
    this.takenUp = new TakenUp(agent);
    this.decision = decision;
    this.network = network;
    this.calls = { modelCall: () => this.takenUp.modelCall(), runs: (callId, name) => this.runs(callId, name) };
  }

  /** A tool that the run executes by way of what was wrapped. */
  offers(name: string): void {
    this.tools.add(name);
  }

  /**
   * What became of pending calls, by the conversation that the next model call is sent: one that has an error for a result, or none,
   * was honestly not run (unknown to the framework, malformed, declined, suspended). One that has a result has to have been seen.
   */
  answered({ prompt = [] }: CallOptions): void {
    const results = prompt.flatMap(({ role, content }) => (role === 'tool' && Array.isArray(content) ? (content as ResultPart[]) : []));
    const succeeded = new Set(results.filter(isSuccess).map(({ toolCallId }) => toolCallId));
    for (const callId of this.unexecuted) if (succeeded.has(callId)) this.missing.add(callId);
    // It goes on in the background, with what was said for its own data: nobody denied it.
    for (const { toolCallId, output } of results) if (isBackground(output)) this.decision?.begins(textOf(toolCallId));
    this.over();
  }

  /** No more can tell of what is pending. */
  over(): void {
    mastraRuns.enter(this, () => this.decision?.over());
    this.forgo(this.unexecuted.filter((callId) => !this.missing.has(callId)));
  }

  private runs(callId: string, name: string): boolean {
    if (!this.tools.has(name)) return false;
    this.expects(callId);
    return true;
  }
}

interface ResultPart extends Part {
  readonly output?: { readonly type?: unknown; readonly value?: unknown };
}

/** Of a tool that was sent to the background the model is told that it has been started, which it may not have been yet. */
function isSuccess({ type, output }: ResultPart): boolean {
  if (type !== 'tool-result' || !['text', 'json', 'content'].includes(String(output?.type))) return false;
  return !isBackground(output);
}

function isBackground(output: ResultPart['output']): boolean {
  return typeof output?.value === 'string' && output.value.startsWith('Background task');
}

export const mastraRuns = new CurrentRun<MastraRun>('mastra');
