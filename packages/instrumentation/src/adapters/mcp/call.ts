import { defaultTextMapSetter, propagation } from '@opentelemetry/api';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { guarded } from '../../errors.js';
import { state } from '../../global.js';
import { activeContext } from '../../spans.js';
import type { ActionCall, ActionStatus } from '../../types.js';

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
  };
}

/** A tool's own failure is a result in MCP, not an exception. */
function statusOf(result: unknown): ActionStatus {
  return typeof result === 'object' && result !== null && 'isError' in result && result.isError === true ? 'error' : 'ok';
}

function signalIn(rest: readonly unknown[]): AbortSignal | undefined {
  for (const argument of rest) {
    if (typeof argument === 'object' && argument !== null && 'signal' in argument && argument.signal instanceof AbortSignal)
      return argument.signal;
  }
  return undefined;
}

const w3c = new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] });

/**
 * Trace context and baggage go into `_meta` under their own names (SEP-414), so that a server's spans join the trace and a session
 * there can name this action as its parent. The arguments, and with them their digest, are not touched; what the application put
 * into `_meta` itself stands.
 */
export function withTraceContext(params: CallParams): CallParams {
  const carrier = guarded('propagating the trace context', () => {
    const headers: Record<string, string> = {};
    const active = activeContext(state().frames.getStore());
    propagation.inject(active, headers, defaultTextMapSetter);
    if (headers['traceparent'] === undefined) w3c.inject(active, headers, defaultTextMapSetter);
    return Object.fromEntries(['traceparent', 'tracestate', 'baggage'].flatMap((name) => (headers[name] ? [[name, headers[name]]] : [])));
  });
  if (carrier === undefined || Object.keys(carrier).length === 0) return params;
  return { ...params, _meta: { ...carrier, ...params._meta } };
}
