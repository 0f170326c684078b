import type { Refusal } from '../../guard.js';
import type { ActionStatus } from '../../types.js';

/** A tool's own failure is a result in MCP, not an exception. */
export function statusOf(result: unknown): ActionStatus {
  return typeof result === 'object' && result !== null && 'isError' in result && result.isError === true ? 'error' : 'ok';
}

/** What an agent takes for a tool that failed, and tells its model. */
export function refusedResult({ message }: Refusal): unknown {
  return { isError: true, content: [{ type: 'text', text: message }] };
}
