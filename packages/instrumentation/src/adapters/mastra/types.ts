/** The parts of @mastra/core 1 that are read here. Own types, so that an application needs no version of it to compile against this package. */

export type Method = (this: unknown, ...args: unknown[]) => unknown;

export interface RunOptions {
  readonly abortSignal?: unknown;
  readonly memory?: { readonly thread?: unknown };
  readonly threadId?: unknown;
  readonly prepareStep?: unknown;
}

/** A tool as the loop executes it, with the arguments as the model gave them. */
export interface Tool {
  readonly execute?: (input: unknown, context?: ToolContext) => unknown;
}

export interface ToolContext {
  readonly toolCallId?: unknown;
  readonly agent?: { readonly toolCallId?: unknown };
  readonly abortSignal?: unknown;
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
