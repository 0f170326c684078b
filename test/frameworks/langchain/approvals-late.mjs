import * as models from '@langchain/core/language_models/chat_models';
import * as messages from '@langchain/core/messages';
import * as outputs from '@langchain/core/outputs';
import * as tools from '@langchain/core/tools';
import * as calling from '@langchain/core/utils/function_calling';
import * as langgraph from '@langchain/langgraph';
import * as langchain from 'langchain';
import { z } from 'zod';
import { CustodyInstrumentation, flush } from '../../../packages/instrumentation/dist/index.js';
import { status } from '../../../packages/instrumentation/dist/status.js';
import { run } from './approvals-program.mjs';

// The framework was imported with everything else, and the instrumentation comes after it.
const { CUSTODY_ENDPOINT: url, CUSTODY_SPOOL: spoolDirectory } = process.env;
new CustodyInstrumentation({ evidence: { url, spoolDirectory } });
// Until what is loaded has been found.
await new Promise((resolve) => setImmediate(resolve));
await run({ tools, messages, models, outputs, calling, langgraph, langchain, z }, process.argv.slice(2));
await flush();
console.log(
  JSON.stringify(
    status()
      .adapters.filter(({ framework }) => framework.includes('lang'))
      .map(({ framework, state }) => [framework, state]),
  ),
);
