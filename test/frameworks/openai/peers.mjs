import { asks, call, fakeOpenAi, said } from '../../../packages/instrumentation/test/fixtures/fake-openai.mjs';

/** What the package's own examples show, each against an API of our own; prints everything that they print. */
export async function run({ OpenAI, zodFunction, zodResponseFormat, z }) {
  for (const example of [toolCallHelpers, toolCallHelpersZod, functionCallStream, parsingToolsStream, structuredOutput, logitBias]) {
    const api = await fakeOpenAi(example.steps);
    const print = (line) => console.log(JSON.stringify({ example: example.name, ...line }));
    await example({ openai: new OpenAI({ apiKey: 'none', baseURL: api.url, maxRetries: 0 }), print, zodFunction, zodResponseFormat, z });
    api.close();
  }
}

const books = [
  { id: 'a1', name: 'To Kill a Mockingbird', genre: 'historical' },
  { id: 'a2', name: 'Wuthering Heights', genre: 'romance' },
];
const library = {
  list: async ({ genre }) => books.filter((book) => book.genre === genre).map(({ id, name }) => ({ id, name })),
  search: async ({ name }) => books.filter((book) => book.name.includes(name)).map(({ id, name: full }) => ({ id, name: full })),
  get: async ({ id }) => books.find((book) => book.id === id),
};
const system = { role: 'system', content: 'Use our book database to answer.' };
const user = { role: 'user', content: 'I loved Wuthering Heights. What next?' };
const looking = [
  asks('Let me search.', call('b1', 'search', { name: 'Heights' }), call('b2', 'list', { genre: 'romance' })),
  asks(null, call('b3', 'get', { id: 'a2' })),
  said('Read it again.'),
];
const plainTool = (name, properties) => ({
  type: 'function',
  function: { name, description: `${name} books`, parameters: { type: 'object', properties }, function: library[name], parse: JSON.parse },
});

async function toolCallHelpers({ openai, print }) {
  const text = { type: 'string' };
  const tools = [plainTool('list', { genre: text }), plainTool('search', { name: text }), plainTool('get', { id: text })];
  const runner = openai.chat.completions
    .runTools({ model: 'gpt-4', messages: [system, user], tools })
    .on('message', (message) => print({ message }))
    .on('functionToolCall', (called) => print({ called }))
    .on('functionToolCallResult', (result) => print({ result }))
    .on('content', (content) => print({ content }));
  print({
    final: (await runner.finalChatCompletion()).choices,
    call: await runner.finalFunctionToolCall(),
    usage: await runner.totalUsage(),
  });
}
toolCallHelpers.steps = looking;

async function toolCallHelpersZod({ openai, print, zodFunction, z }) {
  const shapes = { list: { genre: z.enum(['romance', 'historical']) }, search: { name: z.string() }, get: { id: z.string() } };
  const tools = Object.entries(shapes).map(([name, shape]) => zodFunction({ name, function: library[name], parameters: z.object(shape) }));
  const runner = openai.chat.completions
    .runTools({ model: 'gpt-4', stream: true, messages: [system, user], tools })
    .on('message', (message) => print({ message }))
    .on('chunk', (chunk) => print({ delta: chunk.choices[0]?.delta }));
  print({ final: await runner.finalContent(), tools: tools.map((tool) => Object.keys(tool)) });
}
toolCallHelpersZod.steps = looking;

/** The application runs the functions itself. */
async function functionCallStream({ openai, print }) {
  const messages = [system, user];
  const { function: own, type } = plainTool('search', { name: { type: 'string' } });
  const tools = [{ type, function: { name: own.name, description: own.description, parameters: own.parameters } }];
  for (;;) {
    const message = { role: 'assistant', content: '', tool_calls: [] };
    for await (const chunk of await openai.chat.completions.create({ model: 'gpt-4', messages, tools, stream: true })) {
      const { content, tool_calls = [] } = chunk.choices[0]?.delta ?? {};
      message.content += content ?? '';
      for (const { index, id, function: piece } of tool_calls) {
        message.tool_calls[index] ??= { id, type: 'function', function: { name: piece.name, arguments: '' } };
        message.tool_calls[index].function.arguments += piece.arguments;
      }
    }
    print({ message });
    messages.push(message);
    if (message.tool_calls.length === 0) return;
    for (const { id, function: called } of message.tool_calls) {
      const content = JSON.stringify(await library[called.name](JSON.parse(called.arguments)));
      messages.push({ role: 'tool', tool_call_id: id, content });
    }
  }
}
functionCallStream.steps = looking;

async function parsingToolsStream({ openai, print, zodFunction, z }) {
  const weather = zodFunction({ name: 'weather', parameters: z.object({ city: z.string(), units: z.enum(['c', 'f']).nullable() }) });
  const stream = openai.chat.completions
    .stream({ model: 'gpt-4o', messages: [user], tools: [weather] })
    .on('tool_calls.function.arguments.delta', ({ name, arguments_delta }) => print({ name, arguments_delta }))
    .on('tool_calls.function.arguments.done', (done) => print({ done }));
  await stream.done();
  print({ choices: (await stream.finalChatCompletion()).choices });
}
parsingToolsStream.steps = [asks(null, call('w1', 'weather', { city: 'Paris', units: 'c' }))];

async function structuredOutput({ openai, print, zodResponseFormat, z }) {
  const format = zodResponseFormat(z.object({ steps: z.array(z.string()), answer: z.number() }), 'math');
  const completion = await openai.chat.completions.parse({ model: 'gpt-4o', messages: [user], response_format: format });
  print({ parsed: completion.choices[0]?.message.parsed });
}
structuredOutput.steps = [said('{"steps":["add"],"answer":4}')];

async function logitBias({ openai, print }) {
  const stream = openai.chat.completions.stream({ model: 'gpt-4', messages: [user], logit_bias: { 22515: -100 } });
  stream.on('content', (delta, snapshot) => print({ delta, snapshot }));
  print({ roles: (await stream.finalChatCompletion()).choices.map(({ message }) => message.role) });
}
logitBias.steps = [said('Bananas are fine.')];
