/** The parts of @google/adk 2 that are read here. Own types, so that an application needs no version of it to compile against this package. */

export type Method = (this: unknown, ...args: unknown[]) => unknown;

export interface InvocationContext {
  readonly session?: { readonly id?: unknown };
  readonly abortSignal?: unknown;
}

/** What a tool is called with, one for each call. */
export interface ToolContext {
  readonly functionCallId?: unknown;
  readonly abortSignal?: unknown;
  /** Of a call that is taken up again after a human was asked. */
  readonly toolConfirmation?: unknown;
}

export interface Tool {
  readonly name: string;
  /** Of a tool that is a function. */
  readonly execute?: unknown;
}

export interface ToolCall {
  readonly tool: Tool;
  readonly toolContext: ToolContext;
}

export interface Part {
  readonly text?: unknown;
  readonly thought?: unknown;
  readonly thoughtSignature?: unknown;
  readonly functionCall?: FunctionCall;
}

/** The very object goes from the response to the event, and gets its id on the way where the model gave it none. */
export interface FunctionCall {
  readonly id?: unknown;
  readonly name?: unknown;
}

export interface Response {
  readonly content?: { readonly parts?: readonly Part[] };
  /** A piece of what comes whole at the end. */
  readonly partial?: unknown;
}

export interface Event extends Response {
  readonly errorCode?: unknown;
}

export interface LlmRequest {
  readonly model?: unknown;
  readonly toolsDict?: object;
  readonly config?: { readonly systemInstruction?: unknown; readonly tools?: unknown };
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function signalOf({ abortSignal }: { readonly abortSignal?: unknown }): AbortSignal | undefined {
  return abortSignal instanceof AbortSignal ? abortSignal : undefined;
}
