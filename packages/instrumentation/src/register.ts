/**
 * Preload: `node --import @agent-custody/instrumentation/register app.js`, or `-r` for CommonJS. Configured by the OTEL_* and
 * CUSTODY_* variables alone.
 */
import { start } from './register/start.js';

start();
