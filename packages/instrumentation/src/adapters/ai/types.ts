/**
 * The parts of the AI SDK's model interface that are read here, the same in its specifications v2 (ai 5), v3 (ai 6) and v4 (ai 7).
 * Own types, so that an application needs no version of it to compile against this package.
 */

export interface Model {
  readonly provider: string;
  readonly modelId: string;
  doGenerate(options: CallOptions): PromiseLike<GenerateResult>;
  doStream(options: CallOptions): PromiseLike<StreamResult>;
}

/** What a model call really sends. */
export interface CallOptions {
  readonly prompt?: readonly { readonly role: string; readonly content: unknown }[];
  readonly tools?: readonly ModelTool[];
}

export type ModelTool =
  | { readonly type: 'function'; readonly name: string; readonly description?: string; readonly inputSchema?: unknown }
  /** A tool that the provider brings and runs: `provider-defined` in ai 5, `provider` in ai 6. */
  | { readonly type: 'provider' | 'provider-defined'; readonly id: string; readonly name: string; readonly args?: unknown };

/** A part of a response, whole (generate) or in pieces (stream). */
export interface Part {
  readonly type: string;
  readonly text?: unknown;
  readonly delta?: unknown;
  readonly toolCallId?: unknown;
  readonly toolName?: unknown;
  /** Stringified JSON. */
  readonly input?: unknown;
  readonly result?: unknown;
  readonly isError?: unknown;
  readonly preliminary?: unknown;
  readonly providerExecuted?: unknown;
  /** Of a call in a result: unknown tool, or arguments that its schema refuses. */
  readonly invalid?: unknown;
  readonly providerMetadata?: unknown;
  /** Of a request for an approval, and of the answer to it. */
  readonly approvalId?: unknown;
  readonly approved?: unknown;
  /** Of a request that a function of the application answered (ai 7). */
  readonly isAutomatic?: unknown;
  /** Of a result in the conversation. */
  readonly output?: unknown;
}

export interface GenerateResult {
  readonly content?: readonly Part[];
}

export interface StreamResult {
  readonly stream: ReadableStream<Part>;
}

/** The options of generateText and streamText that matter here. */
export interface RunOptions {
  readonly model?: unknown;
  readonly tools?: unknown;
  readonly messages?: unknown;
  /** A text, or messages. */
  readonly prompt?: unknown;
  readonly prepareStep?: unknown;
  readonly experimental_prepareStep?: unknown;
  readonly experimental_repairToolCall?: unknown;
  /** Its name in 7. */
  readonly repairToolCall?: unknown;
  readonly abortSignal?: unknown;
}

export type Execute = (input: unknown, options: ToolOptions) => unknown;

/** Of `executeTool` in @ai-sdk/provider-utils, through which every tool of the agent's own runs. */
export interface ToolExecution {
  /** In ai 5 and 6. */
  readonly execute?: Execute;
  /** In ai 7. */
  readonly tool?: { readonly execute?: Execute };
  readonly input: unknown;
  readonly options: ToolOptions;
}

export interface ToolOptions {
  readonly toolCallId: string;
  readonly messages?: readonly { readonly role: string; readonly content: unknown }[];
  readonly abortSignal?: AbortSignal;
}

export function isModel(value: unknown): value is Model {
  return typeof value === 'object' && value !== null && 'doGenerate' in value && 'doStream' in value;
}
