import { ChainError } from '@agent-custody/chain';
import { diag } from '@opentelemetry/api';

/** What {@link CustodyError} can mean; each message says what was wrong, where, and what to do. */
export type CustodyErrorCode =
  | 'invalid_argument' // a caller's mistake: a mask that is no regular expression, an agent without an id
  | 'invalid_decorator'; // @audited() compiled as an experimental decorator, or put on something that is no method

/** Misuse of this package's own functions. Nothing that goes wrong while recording ever becomes one: see {@link report}. */
export class CustodyError extends TypeError {
  override readonly name = 'CustodyError';
  readonly code: CustodyErrorCode;

  constructor(code: CustodyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const reported = new Set<string>();

/**
 * Observation fails open: an error of ours is told once to OpenTelemetry's `diag` and never reaches the application. A foreign
 * error's message stays out: it may quote an argument.
 */
export function report(where: string, error: unknown): void {
  const what = error instanceof ChainError || error instanceof CustodyError ? `${error.code}: ${error.message}` : nameOf(error);
  const line = `agent-custody: ${where}: ${what}`;
  if (reported.has(line)) return;
  if (reported.size < 1000) reported.add(line);
  try {
    diag.error(line);
  } catch {
    // A logger that throws is the application's; there is nowhere left to tell.
  }
}

/** Runs what only observes; answers undefined when it failed. */
export function guarded<T>(where: string, fn: () => T): T | undefined {
  try {
    return fn();
  } catch (error) {
    report(where, error);
    return undefined;
  }
}

function nameOf(error: unknown): string {
  try {
    return error instanceof Error ? error.name : typeof error;
  } catch {
    return 'unreadable error';
  }
}
