import { asks, fakeOpenAi, call as made, said as says } from '../../../packages/instrumentation/test/fixtures/fake-openai.mjs';
import { offered, stage } from '../../../packages/instrumentation/test/fixtures/reach.mjs';

const parameters = { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } } };
const call = (id, input, name) => made(id, name, input);
const messages = [
  { role: 'system', content: 'You add.' },
  { role: 'user', content: 'Add.' },
];

/** One run for everything that an adapter can see of `runTools`. */
export async function reach(OpenAI) {
  const { asked, body, controller, each, print, signal } = stage();
  const apis = [];
  const run = async (steps, more, options) => {
    const api = await fakeOpenAi(steps);
    apis.push(api);
    const { completions } = new OpenAI({ apiKey: 'none', baseURL: api.url, maxRetries: 0 }).chat;
    return completions.runTools({ model: 'gpt-x', messages, tools, ...more }, options);
  };
  const tool = (name, execute) => ({
    type: 'function',
    function: { name, description: name, parameters, function: execute, parse: JSON.parse },
  });
  const tools = [tool('add', body('add')), ...each(tool), tool('stopped', () => body('stopped')(signal))];
  // A function that throws ends the run: each of those has one of its own.
  const throws = ['slow', 'broken'];
  const good = asked(call).filter(({ id }) => !throws.includes(id));
  const said = await (await run([asks('Because.', ...good), says('over')])).finalContent();
  const streamed = await (
    await run([asks(null, call('streamed', { a: 1, b: 2 }, 'add')), says('streamed')], { stream: true })
  ).finalContent();
  const [{ messages: first, tools: declared, model: name }, { messages: told }] = apis[0].requests;
  const sent = {
    systemPrompt: first.filter(({ role }) => role === 'system').map(({ content }) => content),
    tools: declared.map((one) => offered(one.function)),
    model: { provider: 'openai', name },
  };
  for (const id of throws) await (await run([asks(null, call(id, {}, id))])).done().catch(() => undefined);
  print({ sent, told, said, streamed });
  const aborted = await run([asks(null, call('stopped', {}, 'stopped'))], {}, { signal: controller.signal });
  await aborted.done().catch(() => undefined);
  for (const api of apis) api.close();
}
