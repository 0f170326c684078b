import type { AskingRun } from '../ai/run.js';
import type { CallOptions, Part } from '../ai/types.js';
import { CurrentRun, LoopRun } from '../loop-run.js';

/** One run of an agent. */
export class MastraRun extends LoopRun implements AskingRun {
  readonly toolNames = new Map<string, string>();
  readonly providerCalls: AskingRun['providerCalls'] = new Map();
  readonly calls: AskingRun['calls'];
  private readonly tools = new Set<string>();
  private readonly missing = new Set<string>();

  constructor(session: LoopRun['session']) {
    super(session);
    this.calls = { modelCall: () => undefined, runs: (callId, name) => this.runs(callId, name) };
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
    this.over();
  }

  /** No more can tell of what is pending. */
  over(): void {
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
  return !(typeof output?.value === 'string' && output.value.startsWith('Background task'));
}

export const mastraRuns = new CurrentRun<MastraRun>('mastra');
