/** The parts of the package's interface that are read here, the same in versions 6 and 7. */

export interface Runner {
  readonly controller?: AbortController;
}

/** What `runTools` is given. */
export interface RunParams extends CompletionParams {
  readonly tool_choice?: unknown;
}

/** What one model call sends. */
export interface CompletionParams {
  readonly model?: unknown;
  readonly messages?: readonly Message[];
  readonly tools?: readonly Tool[];
}

export interface Message {
  readonly role?: unknown;
  readonly content?: unknown;
}

/** A tool of `runTools` with its function in it, or as it is sent. */
export interface Tool {
  readonly type?: unknown;
  readonly function?: RunnableFunction;
  readonly custom?: { readonly name?: unknown; readonly description?: unknown; readonly format?: unknown };
  /** Of tools made by `zodFunction` and its like; not enumerable. */
  readonly $callback?: ToolFunction;
  readonly $parseRaw?: Parse | undefined;
}

export type ToolFunction = (this: unknown, input: unknown, ...rest: unknown[]) => unknown;
export type Parse = (this: unknown, input: string) => unknown;

export interface RunnableFunction {
  readonly name?: string;
  readonly description?: unknown;
  readonly parameters?: unknown;
  readonly function?: ToolFunction;
  readonly parse?: Parse;
}

export interface Completion {
  readonly choices?: readonly { readonly message?: AssistantMessage }[];
}

export interface AssistantMessage {
  readonly content?: unknown;
  /** Of services that speak this protocol and hand out what the model thought. */
  readonly reasoning_content?: unknown;
  readonly reasoning?: unknown;
  readonly tool_calls?: readonly ToolCall[];
}

export interface ToolCall {
  readonly id?: unknown;
  readonly type?: unknown;
  readonly function?: { readonly name?: unknown; readonly arguments?: unknown };
}
