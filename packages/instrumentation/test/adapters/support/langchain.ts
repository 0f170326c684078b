import { createRequire } from 'node:module';
import { join } from 'node:path';
import { CustodyInstrumentation } from '../../../src/instrumentation.js';
import { FRAMEWORKS } from './process.js';

interface Program {
  kit(modules: Record<string, unknown>): ReturnType<typeof JSON.parse>;
}

/**
 * LangChain 1, patched in this process: as CommonJS, which a test can still load after the instrumentation. What the ES modules'
 * loading does differently is tested in processes of their own.
 */
export async function loadLangchain() {
  new CustodyInstrumentation({ patchLoaded: false });
  const folder = join(FRAMEWORKS, 'langchain');
  const require = createRequire(join(folder, 'package.json'));
  const program = (await import(join(folder, 'agents-program.mjs'))) as Program;
  return program.kit({
    tools: require('@langchain/core/tools'),
    messages: require('@langchain/core/messages'),
    models: require('@langchain/core/language_models/chat_models'),
    outputs: require('@langchain/core/outputs'),
    calling: require('@langchain/core/utils/function_calling'),
    langchain: require('langchain'),
    langgraph: require('@langchain/langgraph'),
    prebuilt: require('@langchain/langgraph/prebuilt'),
    supervisor: require('@langchain/langgraph-supervisor'),
    z: require('zod').z,
  });
}
