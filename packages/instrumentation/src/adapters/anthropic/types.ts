/** The parts of the package's interface that are read here. */

export interface ToolRunner {
  readonly params?: RunnerParams;
  setMessagesParams?(params: object): unknown;
}

interface RunnerParams {
  readonly tools?: readonly RunnableTool[];
  /** Tools start while the reply streams. */
  readonly runToolsEagerly?: unknown;
  /** Before 0.128: the runner has the conversation summarised when it grows too long. */
  readonly compactionControl?: { readonly enabled?: unknown };
}

/** A tool with its function in it, or as it is sent. */
export interface RunnableTool extends ToolParam {
  readonly run?: unknown;
  parse?(input: unknown): unknown;
}

/** A tool as it is sent. Those that the provider brings have no schema: their type and settings say what they are. */
export interface ToolParam {
  readonly name?: string;
  readonly type?: string;
  readonly description?: string;
  readonly input_schema?: unknown;
  readonly mcp_server_name?: string;
}

/** What one model call sends. */
export interface MessageParams {
  readonly model?: unknown;
  readonly system?: unknown;
  readonly tools?: readonly ToolParam[];
  readonly messages?: readonly { readonly role?: unknown; readonly content?: unknown }[];
  /** `continue`: the server knows system prompt and tools from before. */
  readonly thread?: { readonly type?: unknown };
}

export interface Message {
  readonly content?: readonly Block[];
  readonly stop_reason?: unknown;
}

export interface Block {
  readonly type?: unknown;
  readonly id?: unknown;
  readonly name?: unknown;
  readonly text?: unknown;
  readonly thinking?: unknown;
  /** Of thinking that is handed out encrypted only. */
  readonly data?: unknown;
  readonly input?: unknown;
  readonly toolset_name?: unknown;
  /** Of a result. */
  readonly tool_use_id?: unknown;
  readonly is_error?: unknown;
}

/** What a streaming runner yields. */
export interface MessageStream {
  on(event: 'contentBlock', listener: (block: Block) => void): unknown;
  on(event: 'message', listener: (message: Message) => void): unknown;
}

export interface ToolUse {
  readonly id: string;
  readonly name: string;
  readonly input?: unknown;
  readonly toolset_name?: unknown;
  /** Of a call in a managed session; `ask`: it waits until somebody confirms it. */
  readonly evaluated_permission?: unknown;
}

/** What a runner of a managed session yields for each call. */
export interface Dispatched {
  readonly event?: ToolUse;
  readonly confirmation?: unknown;
}

export interface ToolContext {
  readonly toolUse?: ToolUse;
  readonly toolUseBlock?: ToolUse;
  readonly signal?: AbortSignal;
}

/** Runs a tool, and makes a result of whatever it throws. */
export type RunTool = (tool: { parse?(input: unknown): unknown; run: Run }, input: unknown, context: ToolContext) => unknown;
export type Run = (input: unknown, context: ToolContext) => unknown;
/** Runs a member of a toolset, and answers its result. */
export type RunToolsetMember = (toolset: unknown, toolUse: ToolUse, options?: { readonly signal?: AbortSignal }) => unknown;
