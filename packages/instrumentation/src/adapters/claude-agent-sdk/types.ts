/** The parts of the package's interface that are read here, the same in versions 0.2 and 0.3. */

export type HookOutput = Readonly<Record<string, unknown>>;
export type HookCallback = (
  input: HookInput,
  toolUseId: string | undefined,
  options: { readonly signal?: AbortSignal },
) => Promise<HookOutput>;
export interface HookMatcher {
  readonly matcher?: string;
  readonly hooks?: readonly HookCallback[];
  /** Seconds. */
  readonly timeout?: number;
}

/** Asks the application whether a call may run. */
export type CanUseTool = (
  toolName: string,
  input: unknown,
  options?: { readonly toolUseID?: unknown; readonly signal?: AbortSignal },
) => unknown;

export interface Options {
  readonly canUseTool?: CanUseTool;
  readonly abortController?: AbortController;
  readonly systemPrompt?: unknown;
  readonly agents?: Readonly<Record<string, { readonly prompt?: unknown; readonly tools?: readonly string[] } | undefined>>;
  readonly hooks?: Readonly<Record<string, readonly HookMatcher[] | undefined>>;
}

export interface QueryParams {
  readonly prompt?: unknown;
  readonly options?: Options;
}

/** What hooks are told; which of it depends on the event. */
export interface HookInput {
  readonly tool_name?: unknown;
  readonly tool_input?: unknown;
  readonly tool_use_id?: unknown;
  readonly tool_response?: unknown;
  readonly is_interrupt?: unknown;
  readonly agent_id?: unknown;
  readonly agent_type?: unknown;
}

/** A message of a query. */
export interface Message {
  readonly type?: unknown;
  readonly subtype?: unknown;
  readonly session_id?: unknown;
  /** Of `init`: names. */
  readonly tools?: unknown;
  readonly model?: unknown;
  /** Of `task_started`: the sub-agent. */
  readonly task_id?: unknown;
  readonly subagent_type?: unknown;
  readonly tool_use_id?: unknown;
  /** The call that a sub-agent works for. */
  readonly parent_tool_use_id?: unknown;
  readonly message?: { readonly id?: unknown; readonly model?: unknown; readonly content?: unknown };
  /** Of `result`. */
  readonly is_error?: unknown;
}

export interface Block {
  readonly type?: unknown;
  readonly id?: unknown;
  readonly name?: unknown;
  readonly text?: unknown;
  readonly thinking?: unknown;
  readonly data?: unknown;
  readonly content?: unknown;
  readonly tool_use_id?: unknown;
  readonly is_error?: unknown;
}

export type Messages = { -readonly [K in 'next' | 'return' | 'throw']: (...args: unknown[]) => Promise<IteratorResult<Message>> };

export interface Query extends Messages {
  [Symbol.asyncIterator](): Messages;
  interrupt?(...args: unknown[]): Promise<unknown>;
  /** Of version 0.2: what it waits for before it closes its program's input. */
  waitForFirstResult?(): unknown;
}

/** A query whose program has been started ahead. */
export interface WarmQuery {
  query(...args: unknown[]): Query;
}

/** A program that has been started before it is known what for. */
export interface SpareProcess {
  claim(params: QueryParams, ...rest: unknown[]): Query;
}

/** A session of version 0.2. */
export interface TurnSession {
  /** Not of the published interface. */
  readonly query: Query;
  close(...args: unknown[]): unknown;
}

/** A tool of a server in this process. */
export interface ServerTool {
  readonly handler?: unknown;
}
