/**
 * The SDKs have errors of their own for an abort and for a timeout; the recorder knows the platform's. On its way past the recorder
 * an error wears the platform's name; the application gets the one that was thrown.
 */
class PlatformError extends Error {
  override readonly name: 'AbortError' | 'TimeoutError';
  override readonly cause: unknown;

  constructor(name: 'AbortError' | 'TimeoutError', cause: unknown) {
    super(name);
    this.name = name;
    this.cause = cause;
  }
}

/** Gives the error of an abort or a timeout the name that the recorder knows. */
export function named(result: unknown, signal: AbortSignal | undefined): unknown {
  if (!(result instanceof Promise)) return result;
  return result.catch((error: unknown) => {
    throw namedError(error, signal);
  });
}

/** Undoes {@link named} for the application. */
export function asThrown(result: unknown): unknown {
  if (!(result instanceof Promise)) return result;
  return result.catch((error: unknown) => {
    throw error instanceof PlatformError ? error.cause : error;
  });
}

export function namedError(error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return new PlatformError('AbortError', error);
  return isTimeout(error) ? new PlatformError('TimeoutError', error) : error;
}

/** JSON-RPC's code in version 1, a word in version 2. */
function isTimeout(error: unknown): boolean {
  const code: unknown = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return code === -32001 || code === 'REQUEST_TIMEOUT';
}
