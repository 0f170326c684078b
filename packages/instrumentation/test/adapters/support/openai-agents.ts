import { createRequire } from 'node:module';
import { join } from 'node:path';
import { CustodyInstrumentation } from '../../../src/instrumentation.js';
import { FRAMEWORKS } from './process.js';

interface Program {
  kit(agents: unknown, zod: unknown): ReturnType<typeof JSON.parse>;
}

/** The OpenAI Agents SDK, patched in this process: as CommonJS, which a test can still load after the instrumentation. */
export async function loadOpenAiAgents(folder = 'openai-agents') {
  new CustodyInstrumentation({ patchLoaded: false });
  const require = createRequire(join(FRAMEWORKS, folder, 'package.json'));
  const program = (await import(join(FRAMEWORKS, 'openai-agents/agents-program.mjs'))) as Program;
  const agents = require('@openai/agents') as { setTracingDisabled(disabled: boolean): void };
  agents.setTracingDisabled(true);
  return program.kit(agents, require('zod'));
}
