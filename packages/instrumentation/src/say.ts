import { writeSync } from 'node:fs';
import { getStringFromEnv } from '@opentelemetry/core';

/** One line on standard error, at once; none with CUSTODY_QUIET=true or OTEL_LOG_LEVEL=none. */
export function say(line: string): void {
  if (!isQuiet()) write(line);
}

const REGISTERED = Symbol.for('agent-custody.instrumentation.v1.registered');

/** Whether `register` has set everything up here; marks it so. */
export function register(): boolean {
  const holder = globalThis as { [REGISTERED]?: boolean };
  const before = holder[REGISTERED] === true;
  holder[REGISTERED] = true;
  return before;
}

/** Where nobody set OpenTelemetry's `diag` up, standard error is what there is. */
export function sayIfRegistered(line: string): void {
  if (REGISTERED in globalThis) say(line);
}

/** For `strict`: an agent that would run unrecorded does not run. */
export function refuse(why: string): never {
  write(`refusing to run (strict): ${why}`);
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
