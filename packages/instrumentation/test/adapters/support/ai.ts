import { createRequire } from 'node:module';
import { CustodyInstrumentation } from '../../../src/instrumentation.js';
import { kit as makeKit } from '../../fixtures/ai-program.mjs';

/**
 * The AI SDK, patched in this process: as CommonJS, which a test can still load after the instrumentation. What the ES modules'
 * loading does differently is tested in processes of their own.
 */
export function loadAi() {
  new CustodyInstrumentation({ patchLoaded: false });
  const require = createRequire(import.meta.url);
  return makeKit(require('ai'), require('ai/test'));
}
