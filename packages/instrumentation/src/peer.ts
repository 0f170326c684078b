import { createRequire } from 'node:module';

/**
 * Resolves from where @opentelemetry/instrumentation lies: the copies of import-in-the-middle and require-in-the-middle that
 * InstrumentationBase listens to are its own, and two copies do not hear each other.
 *
 * @throws when the peer dependency is not installed
 */
export function peerRequire(): NodeJS.Require {
  return createRequire(createRequire(import.meta.url).resolve('@opentelemetry/instrumentation'));
}
