/**
 * The parts of LangChain's classes that are read here, alike in @langchain/core 0.2.36 to 1.4. Own types, so that an application
 * needs no version of it to compile against this package.
 */

/** Of `RunnableConfig`, as tools, models and graphs are handed it. */
export interface Config {
  readonly configurable?: Readonly<Record<string, unknown>>;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal;
  /** The call that a tool is invoked with, in @langchain/core 0.3 and later. */
  readonly toolCall?: { readonly id?: unknown };
  /** The state of the graph, as a ToolNode hands it to its tools. */
  readonly state?: unknown;
}

export interface Message {
  readonly content?: unknown;
  readonly role?: unknown;
  readonly tool_calls?: unknown;
  readonly tool_call_chunks?: unknown;
  readonly additional_kwargs?: Readonly<Record<string, unknown>>;
  getType?(): string;
  _getType?(): string;
}

/** `StructuredTool`, and whatever else a ToolNode runs. */
export interface Tool {
  readonly name: string;
  readonly responseFormat?: unknown;
  _call(input: unknown, manager: unknown, config: Config | undefined): unknown;
  call?: unknown;
  invoke?: unknown;
}

/** `BaseChatModel`. */
export interface ChatModel {
  invocationParams?(options: unknown): unknown;
  getLsParams?(options: unknown): unknown;
  _llmType?(): string;
  readonly model?: unknown;
  readonly modelName?: unknown;
}

/** `Pregel`: every compiled graph, the ones inside createAgent too. */
export interface Graph {
  readonly name?: unknown;
  readonly config?: Config;
}

export interface ToolNode {
  readonly tools?: readonly Tool[];
  readonly wrapToolCall?: unknown;
}

export interface ToolCall {
  readonly id?: string;
  readonly name: string;
  readonly args: unknown;
}

/** The classes of one module system; the other one's are not the same. */
export interface Form {
  readonly extension: 'js' | 'cjs';
  toolMessage?: new (fields: object) => object;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

export function isToolCall(value: unknown): value is ToolCall {
  return isRecord(value) && typeof value['name'] === 'string' && 'args' in value;
}

/** The kind of a message, in whichever way its version says it. */
export function typeOf(message: Message): string | undefined {
  return message.getType?.() ?? message._getType?.();
}

/** The messages in a graph's state, or in what a ToolNode was invoked with. */
export function messagesIn(state: unknown): readonly Message[] {
  const messages: unknown = isRecord(state) && !Array.isArray(state) ? state['messages'] : state;
  return Array.isArray(messages) ? (messages as unknown[]).filter(isRecord) : [];
}
