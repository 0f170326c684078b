import type { ActiveSession } from '../../types.js';
import type { Part } from './types.js';

/**
 * Tool calls of one run that the framework is to execute itself. What it does with each shows in the parts of its result: only a
 * call that has a result there, or an error of the tool's own, was executed. All others it did not run, for reasons of its own:
 * they wait for an approval or a client, are invalid, or the run stopped first.
 */
export class RunCalls {
  private readonly session: ActiveSession;
  private tools: object = {};
  private readonly waiting = new Set<string>();
  private readonly invalid = new Set<string>();
  private modelSeen = false;
  private done = false;

  constructor(session: ActiveSession) {
    this.session = session;
  }

  /** The tools that the run was given: those with a function of their own run in this process. */
  offers(tools: unknown): void {
    if (typeof tools === 'object' && tools !== null) this.tools = tools;
  }

  /** Whether the framework is going to execute a call of this tool. */
  runs(callId: string, toolName: string): boolean {
    const { execute } = (Object.getOwnPropertyDescriptor(this.tools, toolName)?.value ?? {}) as { execute?: unknown };
    if (typeof execute !== 'function' || this.done) return false;
    this.waiting.add(callId);
    return true;
  }

  modelCall(): void {
    this.modelSeen = true;
  }

  /** Whether a model of this run must have asked for what it executes. */
  get requested(): boolean {
    return this.modelSeen;
  }

  /** One part of the run's result. */
  part(part: Part): void {
    const { toolCallId: callId } = part;
    if (typeof callId !== 'string') return;
    if (part.type === 'tool-call' && part.invalid === true) this.invalid.add(callId);
    if (part.type === 'tool-result' || (part.type === 'tool-error' && !this.invalid.has(callId))) this.waiting.delete(callId);
  }

  /** What generateText answers. */
  result(value: unknown): void {
    const { steps } = (value ?? {}) as { steps?: readonly { readonly content?: readonly Part[] }[] };
    for (const { content = [] } of steps ?? []) for (const part of content) this.part(part);
  }

  /** Before the run lets go of its session. */
  over(): void {
    this.done = true;
    this.session.forgo([...this.waiting]);
    this.waiting.clear();
  }
}
