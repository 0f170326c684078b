import Anthropic from '@anthropic-ai/sdk';
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema';
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod';
import { z } from 'zod';
import { call, fakeAnthropic, text } from '../../../packages/instrumentation/test/fixtures/fake-anthropic.mjs';

const model = 'claude-x';
const question = [{ role: 'user', content: 'What is the weather in San Francisco?' }];
const asksWeather = [[text('Let me look.'), call('w1', 'getWeather', { location: 'San Francisco, CA' })], [text('It is sunny.')]];

async function helpersZod({ client, print }) {
  const getWeather = betaZodTool({
    name: 'getWeather',
    description: 'Get the weather at a specific location',
    inputSchema: z.object({ location: z.string().describe('The city and state') }),
    run: ({ location }) => `The weather is foggy in ${location}`,
  });
  print({ message: await client.beta.messages.toolRunner({ messages: question, model, max_tokens: 1024, tools: [getWeather] }) });
}
helpersZod.steps = asksWeather;

async function helpersJsonSchema({ client, print }) {
  const getWeather = betaTool({
    name: 'getWeather',
    description: 'Get the weather',
    inputSchema: { type: 'object', properties: { location: { type: 'string' } }, required: ['location'] },
    run: ({ location }) => [{ type: 'text', text: `Foggy in ${location}` }],
  });
  const runner = client.beta.messages.toolRunner({ messages: question, model, max_tokens: 1024, tools: [getWeather] });
  print({ message: await runner.runUntilDone(), params: runner.params.messages });
}
helpersJsonSchema.steps = asksWeather;

const capital = () => ({
  name: 'getCapital',
  description: 'Get the capital of a country',
  input_schema: { type: 'object', properties: { country: { type: 'string' } } },
  run: async ({ country }) => `Capital of ${country}`,
});
const asksCapitals = [
  [text('First.'), call('c1', 'getCapital', { country: 'France' }), call('c2', 'getCapital', { country: 'Peru' })],
  [call('c3', 'getCapital', { country: 'Chad' })],
  [text('Paris, Lima and N’Djamena.')],
  [text('And more.')],
];

/** The application looks into results, changes the conversation on the way and goes on. */
async function helpersAdvanced({ client, print }) {
  const runner = client.beta.messages.toolRunner({ messages: question, model, max_tokens: 1000, tools: [capital()], max_iterations: 4 });
  let pushed = false;
  for await (const message of runner) {
    print({ content: message.content });
    print({ response: await runner.generateToolResponse() });
    if (message.stop_reason === 'end_turn' && !pushed) {
      pushed = true;
      runner.pushMessages({ role: 'assistant', content: message.content }, { role: 'user', content: 'More?' });
    }
  }
  print({ done: (await runner.done()).content, messages: runner.params.messages.length });
}
helpersAdvanced.steps = asksCapitals;

async function helpersAdvancedStreaming({ client, print }) {
  const runner = client.beta.messages.toolRunner({ messages: question, model, max_tokens: 1000, tools: [capital()], stream: true });
  for await (const stream of runner) {
    for await (const event of stream) print({ event });
    print({ message: (await stream.finalMessage()).content, response: await runner.generateToolResponse() });
  }
}
helpersAdvancedStreaming.steps = asksCapitals;

/** The application runs the tools itself. */
async function tools({ client, print }) {
  const { run, ...tool } = capital();
  const messages = [...question];
  for (;;) {
    const message = await client.messages.create({ model, max_tokens: 1024, messages, tools: [tool] });
    print({ message });
    if (message.stop_reason !== 'tool_use') return;
    const asked = message.content.filter(({ type }) => type === 'tool_use');
    const content = await Promise.all(
      asked.map(async ({ id, input }) => ({ type: 'tool_result', tool_use_id: id, content: await run(input) })),
    );
    messages.push({ role: 'assistant', content: message.content }, { role: 'user', content });
  }
}
tools.steps = asksCapitals;

async function messagesStream({ client, print }) {
  const { run: _, ...tool } = capital();
  const stream = client.messages
    .stream({ model, max_tokens: 1024, messages: question, tools: [tool] })
    .on('contentBlock', (block) => print({ block }))
    .on('text', (piece) => print({ piece }));
  print({ message: await stream.finalMessage() });
}
messagesStream.steps = asksCapitals;

async function rawStreaming({ client, print }) {
  const { run: _, ...tool } = capital();
  const stream = await client.beta.messages.create({ model, max_tokens: 1024, messages: question, tools: [tool], stream: true });
  for await (const event of stream) print({ event });
}
rawStreaming.steps = asksCapitals;

/** What the package's own examples show, each against an API of our own; prints everything that they print. */
for (const example of [helpersZod, helpersJsonSchema, helpersAdvanced, helpersAdvancedStreaming, tools, messagesStream, rawStreaming]) {
  const api = await fakeAnthropic(example.steps);
  const print = (line) => console.log(JSON.stringify({ example: example.name, ...line }));
  await example({ client: new Anthropic({ apiKey: 'none', baseURL: api.url, maxRetries: 0 }), print });
  api.close();
}
