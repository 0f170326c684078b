import { CustodyInstrumentation, flush, status } from '@agent-custody/instrumentation';
import * as ai from 'ai';
import * as fakes from 'ai/test';
import { configure } from '../../../packages/instrumentation/dist/global.js';
import { kit } from '../../../packages/instrumentation/test/fixtures/ai-program.mjs';

// The framework is imported with everything else, and the instrumentation comes after it.
const { CUSTODY_ENDPOINT: url, CUSTODY_SPOOL: spoolDirectory } = process.env;
new CustodyInstrumentation({ evidence: { url, spoolDirectory } });
configure({ guard: { decide: ({ tool }) => ({ decision: tool.name === 'pay' ? 'deny' : 'allow', rule: 'blocked' }) } });

const { model, call, text, add, schema, until } = kit(ai, fakes);
const steps = [[text('Adding.'), call('c1', { a: 1, b: 2 }), call('c2', {}, 'pay')], [text('over')]];
const tools = { add, pay: { inputSchema: schema, execute: () => console.log('paid') } };
const result = await ai.generateText({ model: model(steps), system: 'You add.', prompt: 'Add.', tools, stopWhen: until(3) });
console.log(JSON.stringify(result.steps.map(({ content }) => content.map(({ type, error }) => error?.message ?? type))));
await flush();
console.log(JSON.stringify(status().adapters.filter(({ state }) => state === 'unarmed')));
