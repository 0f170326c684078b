import { DynamicTool } from '@langchain/core/tools';
import { StateGraph } from '@langchain/langgraph';
import { CustodyInstrumentation } from '../../../packages/instrumentation/dist/index.js';
import { status } from '../../../packages/instrumentation/dist/status.js';

// The framework was imported with everything else, and the instrumentation comes after it.
new CustodyInstrumentation({ agent: { id: 'late' } });
// Until what is loaded has been found.
await new Promise((resolve) => setImmediate(resolve));
const tool = new DynamicTool({ name: 'late', description: 'Comes late', func: async () => 'ok' });
console.log(await tool.invoke('x'), typeof StateGraph);
const { adapters, sessions } = status();
console.log(JSON.stringify({ adapters: adapters.filter(({ framework }) => framework.startsWith('@langchain')), sessions }));
