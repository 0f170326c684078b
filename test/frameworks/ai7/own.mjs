import * as ai from 'ai';
import * as fakes from 'ai/test';
import { kit } from '../../../packages/instrumentation/test/fixtures/ai-program.mjs';

const { model, call, text, add, schema, until } = kit(ai, fakes);
const print = (part, line) => console.log(JSON.stringify({ part, ...line }));
const options = { prompt: 'Add.', tools: { add }, stopWhen: until(5) };
const content = ({ steps }) => steps.map((step) => step.content.map(({ type, output, error }) => [type, output ?? error?.message]));

/** Telemetry that a call switches off, or keeps to listeners of its own. */
for (const [id, telemetry] of Object.entries({ off: { isEnabled: false }, none: { integrations: [] }, private: { recordInputs: false } })) {
  const steps = () => [[text('Adding.'), call(`${id}1`, { a: 1, b: 2 })], [text('3')]];
  print('telemetry', { content: content(await ai.generateText({ model: model(steps()), ...options, telemetry })) });
  const streamed = ai.streamText({ model: model([[call(`${id}2`, { a: 1, b: 2 })], [text('3')]]), ...options, telemetry });
  print('telemetry', { said: await streamed.text });
  const agent = new ai.ToolLoopAgent({ model: model([[call(`${id}3`, { a: 1, b: 2 })], [text('3')]]), tools: { add }, telemetry });
  print('telemetry', { said: (await agent.generate({ prompt: 'Add.' })).text });
}

/** A stream for one reader. */
const low = ai.experimental_streamTextLowMemory({ model: model([[text('Low.'), call('m1', { a: 1, b: 2 })], [text('3')]]), ...options });
const types = [];
for await (const { type } of low.fullStream) types.push(type);
print('low memory', { types });

/** A tool that calls others, past the model. */
const caller = (bound) => ({
  description: 'Calls others',
  inputSchema: schema,
  execute: async ({ a, b }, context) => bound.add.execute({ a, b }, { ...context, toolCallId: `${context.toolCallId}.inner` }),
});
const code = ai.experimental_toolCaller(caller({}), { type: 'local', bind: (bound) => caller(bound) });
const called = await ai.generateText({
  model: model([[call('t1', { a: 3, b: 4 }, 'code')], [text('7')]]),
  prompt: 'Add.',
  tools: { code, add },
  experimental_toolCallers: { add: ['code'] },
  stopWhen: until(5),
});
print('tool callers', { content: content(called) });

/** A human is asked, by the framework's own means. */
const asked = { model: model([[text('Paying.'), call('h1', { a: 1, b: 2 }, 'pay')], [text('paid')]]), stopWhen: until(5) };
const tools = { pay: { ...add, needsApproval: true } };
const first = await ai.generateText({ ...asked, prompt: 'Pay.', tools });
const { approvalId } = first.content.find(({ type }) => type === 'tool-approval-request');
const messages = [
  { role: 'user', content: 'Pay.' },
  ...first.response.messages,
  { role: 'tool', content: [{ type: 'tool-approval-response', approvalId, approved: true }] },
];
const second = await ai.generateText({ ...asked, messages, tools });
print('approval', { before: content(first), said: second.text });

/** Stopped half way: by whoever reads, and by a signal. */
for await (const { type } of ai.streamText({ model: model([[call('b1', { a: 1, b: 2 })], [text('3')]]), ...options }).fullStream) {
  print('break', { type });
  break;
}
const unread = ai.streamText({ model: model([[call('u1', { a: 1, b: 2 })], [text('3')]]), ...options });
print('unread', { type: typeof unread.textStream });
