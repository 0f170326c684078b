import type { ActiveSession } from '../../types.js';
import { CurrentRun } from '../current-run.js';
import { LoopRun } from '../loop-run.js';
import type { RunParams, ToolCall } from './types.js';

/** A call of the latest response that no function was started for yet. */
interface Waiting {
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
}

/** One `runTools`. The functions are not told which call they answer: they are given the calls of the latest response in order. */
export class OpenAiRun extends LoopRun {
  readonly signal: AbortSignal | undefined;
  /** The one function that the model is made to call; the run ends with its first call. */
  readonly only: string | undefined;
  private waiting: Waiting[] = [];

  constructor(session: ActiveSession, params: RunParams, signal: AbortSignal | undefined) {
    super(session);
    this.signal = signal;
    const { type, function: chosen } = (typeof params?.tool_choice === 'object' ? (params.tool_choice ?? {}) : {}) as ToolCall;
    this.only = type === 'function' && typeof chosen?.name === 'string' ? chosen.name : undefined;
  }

  /** What the latest response asks for. */
  expect(calls: readonly ToolCall[]): void {
    this.waiting = calls.flatMap(({ id, function: called }) =>
      typeof id === 'string' && typeof called?.name === 'string' ? [{ id, name: called.name, input: called.arguments }] : [],
    );
  }

  /** The call that a function, or its parser, was started for: the package starts them in the order of the response. */
  claim(name: string, input: unknown): string | undefined {
    const at = this.waiting.findIndex((call) => call.name === name && call.input === input);
    return at < 0 ? undefined : this.waiting.splice(at, 1)[0]?.id;
  }
}

export const openAiRuns = new CurrentRun<OpenAiRun>('openai');
