import type { ActionStatus, SessionOutcome } from '../../types.js';
import { isRecord } from './types.js';

/** What LangGraph throws to pause a graph, to leave a subgraph by a command, or to drain: no failure of anything. */
function isBubbleUp(error: unknown): boolean {
  return isRecord(error) && error['is_bubble_up'] === true;
}

/** What `interrupt` throws: the node runs again from its start when somebody has answered. */
export function isPause(error: unknown): boolean {
  return isBubbleUp(error) && isRecord(error) && (error['name'] === 'GraphInterrupt' || error['name'] === 'NodeInterrupt');
}

/** LangChain gives the reason of the signal, or an error of its own with the reason's text, or `Aborted`. */
function isAbort(error: unknown, signal: AbortSignal): boolean {
  const reason: unknown = signal.reason;
  if (error === reason) return true;
  if (!(error instanceof Error)) return false;
  return error.name === 'AbortError' || error.message === 'Aborted' || error.message === reason;
}

/** The status of a tool call that failed, where LangChain's errors say it in their own way. */
export function statusOfError(error: unknown, signal: AbortSignal | undefined): ActionStatus | undefined {
  if (isBubbleUp(error)) return 'cancelled';
  if (signal?.aborted !== true || !isAbort(error, signal)) return undefined;
  return isRecord(signal.reason) && signal.reason['name'] === 'TimeoutError' ? 'timeout' : 'cancelled';
}

/** The outcome of a graph's run that threw. */
export function outcomeOfError(error: unknown, signal: AbortSignal | undefined): SessionOutcome | undefined {
  if (isBubbleUp(error)) return isRecord(error) && error['name'] === 'GraphDrained' ? 'shutdown' : 'completed';
  return signal?.aborted === true ? 'cancelled' : undefined;
}
