import { writeSync } from 'node:fs';
import { getStringFromEnv } from '@opentelemetry/core';

/** One line on standard error, at once; none with CUSTODY_QUIET=true or OTEL_LOG_LEVEL=none. */
export function say(line: string): void {
  if (!isQuiet()) write(line);
}

/** For CUSTODY_STRICT: an agent that would run unrecorded does not run. */
export function refuse(why: string): never {
  write(`refusing to run, CUSTODY_STRICT is set: ${why}`);
  process.exit(1);
}

function write(line: string): void {
  try {
    writeSync(2, `agent-custody: ${line}\n`);
  } catch {
    // Standard error is closed, or full and non-blocking.
  }
}

function isQuiet(): boolean {
  const quiet = getStringFromEnv('CUSTODY_QUIET')?.toLowerCase();
  return quiet === 'true' || quiet === '1' || getStringFromEnv('OTEL_LOG_LEVEL')?.toLowerCase() === 'none';
}
