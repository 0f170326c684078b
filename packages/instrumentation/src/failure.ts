import type { ActionStatus, SessionOutcome } from './types.js';

/** What `error.type` says where an error has no name. */
const OTHER = '_OTHER';

/**
 * The status of an action that failed with `error`. An abort by the caller is no failure of the tool: `cancelled`, or `timeout` when
 * the clock was the one who aborted. With a signal at hand, only an abort of that signal counts.
 */
export function statusOfError(error: unknown, signal: AbortSignal | undefined): ActionStatus {
  const name = property(error, 'name');
  if (name === 'TimeoutError') return 'timeout';
  const aborted = name === 'AbortError' || property(error, 'code') === 'ABORT_ERR';
  if (signal?.aborted && (aborted || error === signal.reason)) {
    return property(signal.reason, 'name') === 'TimeoutError' ? 'timeout' : 'cancelled';
  }
  return aborted && signal === undefined ? 'cancelled' : 'error';
}

/** The outcome of a session whose function failed with `error`. */
export function outcomeOfError(error: unknown): SessionOutcome {
  return statusOfError(error, undefined) === 'cancelled' ? 'cancelled' : 'error';
}

/**
 * `error.type` as in the OpenTelemetry conventions: the error's name, its code where the name says nothing, else the type of what
 * was thrown. Never the message: it may quote an argument.
 */
export function errorType(error: unknown): string {
  if (typeof error !== 'object' || error === null) return typeof error;
  const name = property(error, 'name');
  if (name !== undefined && name !== 'Error') return name;
  return property(error, 'code') ?? name ?? OTHER;
}

function property(error: unknown, name: 'name' | 'code'): string | undefined {
  try {
    const value = (error as Record<string, unknown> | null | undefined)?.[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  } catch {
    return undefined;
  }
}
