import type { ActionCall } from '../../types.js';
import { refusedResult, statusOf } from './result.js';

/** The params of a `tools/call` request. */
export interface CallParams {
  readonly name: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
  readonly _meta?: Readonly<Record<string, unknown>>;
}

/** A method of a client that calls a tool; the request options are its last argument, behind a result schema in version 1. */
export type CallTool = (this: unknown, params: CallParams, ...rest: unknown[]) => unknown;

/** What is recorded of a call. */
export function describe(params: CallParams, rest: readonly unknown[]): ActionCall<unknown> {
  return {
    // What the GenAI conventions call a tool on the agent's side that reaches out to another system.
    tool: { name: params.name, type: 'extension' },
    // A call without arguments is a call with none of them.
    arguments: params.arguments ?? {},
    statusOf,
    signal: signalIn(rest),
    awaited: 'promise',
    refused: refusedResult,
  };
}

function signalIn(rest: readonly unknown[]): AbortSignal | undefined {
  for (const argument of rest) {
    if (typeof argument === 'object' && argument !== null && 'signal' in argument && argument.signal instanceof AbortSignal)
      return argument.signal;
  }
  return undefined;
}
