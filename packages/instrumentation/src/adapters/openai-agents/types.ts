/**
 * The parts of @openai/agents-core that are read here, alike in 0.8 to 0.20. Own types, so that an application needs no version of it
 * to compile against this package.
 */

export type Method = (this: unknown, ...args: unknown[]) => unknown;

export interface Agent {
  readonly name?: unknown;
}

/** `RunContext`: who approved what. */
export interface RunContext {
  isToolApproved(asked: { toolName: string; callId: string; agent?: unknown; functionTool?: boolean }): boolean | undefined;
}

export interface RunState {
  readonly _context: RunContext;
  readonly _currentAgent?: Agent;
}

/** A call in the output of a model. */
export interface CallItem {
  readonly callId?: unknown;
  readonly id?: unknown;
  readonly namespace?: unknown;
  readonly arguments?: unknown;
  /** Of a shell call. */
  readonly action?: unknown;
  /** Of a batch for a computer. */
  readonly actions?: unknown;
  /** Of an apply_patch call. */
  readonly operation?: unknown;
}

export interface Tool {
  readonly name: string;
  readonly invoke?: unknown;
  readonly inputGuardrails?: readonly unknown[];
}

/** What `executeFunctionToolCalls` is handed for each call. */
export interface FunctionRun {
  readonly toolCall: CallItem;
  readonly tool: Tool;
}

/** The argument of `invokeFunctionTool`. */
export interface Invocation {
  readonly tool: Tool;
  readonly runContext: RunContext;
  /** JSON. */
  readonly input: unknown;
  readonly details?: { readonly toolCall?: CallItem; readonly signal?: AbortSignal };
}

/** What a model is really sent. */
export interface ModelRequest {
  readonly systemInstructions?: unknown;
  readonly input?: unknown;
  readonly prompt?: unknown;
  readonly tools?: unknown;
  readonly handoffs?: unknown;
  readonly conversationId?: unknown;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

export function recordsIn(list: unknown): Readonly<Record<string, unknown>>[] {
  return Array.isArray(list) ? (list as unknown[]).filter(isRecord) : [];
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Calls of some kinds have their id under `id`, as the framework itself looks. */
export function callIdOf(item: CallItem | undefined): string | undefined {
  return [item?.callId, item?.id].find((id): id is string => typeof id === 'string' && id !== '');
}

/** A model's arguments are JSON as text; what cannot be parsed is taken as it is. */
export function parsed(text: unknown): unknown {
  if (typeof text !== 'string') return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
