import { call as asks, fakeAnthropic, text } from '../../../packages/instrumentation/test/fixtures/fake-anthropic.mjs';
import { offered, stage } from '../../../packages/instrumentation/test/fixtures/reach.mjs';

const input_schema = { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } } };
const base = { model: 'claude-x', max_tokens: 100, system: 'You add.', messages: [{ role: 'user', content: 'Add.' }] };
const call = (id, input, name) => asks(id, name, input);

/** One run for everything that an adapter can see of the tool runner. */
export async function reach(Anthropic) {
  const { asked, body, controller, each, print, signal } = stage();
  const apis = [];
  const answering = async (steps) => {
    const api = await fakeAnthropic(steps);
    apis.push(api);
    return new Anthropic({ apiKey: 'none', baseURL: api.url, maxRetries: 0 }).beta.messages;
  };
  const tool = (name, execute) => ({ name, description: name, input_schema, run: execute });
  const given = { ...base, tools: [tool('add', body('add')), ...each(tool), tool('stopped', () => body('stopped')(signal))] };
  const words = ({ content }) => content.at(-1).text;
  const said = words(await (await answering([[text('Because.'), ...asked(call)], [text('over')]])).toolRunner(given));
  const streams = await answering([[call('streamed', { a: 1, b: 2 }, 'add')], [text('streamed')]]);
  let streamed;
  for await (const stream of streams.toolRunner({ ...given, stream: true })) streamed = words(await stream.finalMessage());
  const [{ system: systemPrompt, tools: declared, model }, { messages }] = apis[0].requests;
  print({
    sent: { systemPrompt, tools: declared.map(offered), model: { provider: 'anthropic', name: model } },
    told: messages,
    said,
    streamed,
  });
  const aborted = (await answering([[call('stopped', {}, 'stopped')]])).toolRunner(given, { signal: controller.signal });
  await aborted.runUntilDone().catch(() => undefined);
  for (const api of apis) api.close();
}
