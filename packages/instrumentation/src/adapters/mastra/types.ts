/** The parts of @mastra/core 1 that are read here. Own types, so that an application needs no version of it to compile against this package. */

export type Method = (this: unknown, ...args: unknown[]) => unknown;

export interface RunOptions {
  readonly abortSignal?: unknown;
  readonly memory?: { readonly thread?: unknown };
  readonly threadId?: unknown;
  readonly prepareStep?: unknown;
  /** The call that a run goes on with. */
  readonly toolCallId?: unknown;
}

/** A tool as the loop executes it, with the arguments as the model gave them. */
export interface Tool {
  readonly execute?: (input: unknown, context?: ToolContext) => unknown;
  /** Called when the loop comes to a call, each time, before it asks anybody. */
  readonly onInputAvailable?: unknown;
  readonly requireApproval?: unknown;
  /** Where the tool decides by the arguments. */
  readonly needsApprovalFn?: unknown;
}

export interface ToolContext {
  readonly toolCallId?: unknown;
  readonly agent?: { readonly toolCallId?: unknown };
  readonly abortSignal?: unknown;
  /** What a run goes on with, where the tool is to have it. */
  readonly resumeData?: unknown;
  /** What the tool said when it stopped itself. */
  readonly suspendPayload?: unknown;
  /** The run of another agent that this call goes on with. */
  readonly suspendedToolRunId?: unknown;
}

/** `MastraModelOutput`, which a run answers. */
export interface Output {
  readonly status?: unknown;
  readonly finishReason?: unknown;
  _waitUntilFinished?(): Promise<unknown>;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
