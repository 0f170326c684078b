import type { Refusal } from '../../guard.js';
import type { ActionCall } from '../../types.js';
import { refusedResult, statusOf } from '../mcp/result.js';

export interface ToolRequest {
  readonly params?: {
    readonly name?: unknown;
    readonly arguments?: unknown;
    readonly _meta?: unknown;
    /** Version 1: the result is a task that is created, and the tool runs behind it. */
    readonly task?: unknown;
  };
}

export type CallToolHandler = (request: ToolRequest, extra: unknown) => unknown;

/** The second argument of a handler: in version 2 what belongs to the request lies one level down. */
interface Extra {
  readonly requestId?: unknown;
  readonly signal?: unknown;
  readonly sessionId?: unknown;
  readonly _meta?: unknown;
  readonly mcpReq?: { readonly id?: unknown; readonly signal?: unknown; readonly _meta?: unknown };
}

/** One `tools/call` request, as it is recorded. */
export interface DescribedRequest {
  readonly action: ActionCall<unknown>;
  readonly meta: unknown;
  /** Of the transport: what the protocol calls a session is a conversation here. */
  readonly conversationId: string | undefined;
}

export function describeRequest({ params = {} }: ToolRequest, second: unknown): DescribedRequest {
  const extra = (second ?? {}) as Extra;
  const id = extra.mcpReq?.id ?? extra.requestId;
  const given = extra.mcpReq?.signal ?? extra.signal;
  const signal = given instanceof AbortSignal ? given : undefined;
  const action: ActionCall<unknown> = {
    tool: {
      name: String(params.name),
      type: 'function',
      ...(typeof id === 'string' || typeof id === 'number' ? { callId: String(id) } : {}),
    },
    // A call without arguments is a call with none of them.
    arguments: params.arguments ?? {},
    // A server makes a result of the error that an abort left behind.
    statusOf: (result) => (signal?.aborted && statusOf(result) === 'error' ? 'cancelled' : statusOf(result)),
    signal,
    awaited: 'promise',
    // A task that is refused has no result to tell it by: the request fails, with the same words.
    ...(params.task === undefined ? { refused: (refusal: Refusal) => refusedResult(refusal) } : {}),
  };
  return {
    action,
    meta: params._meta ?? extra.mcpReq?._meta ?? extra._meta,
    conversationId: typeof extra.sessionId === 'string' && extra.sessionId !== '' ? extra.sessionId : undefined,
  };
}
