import { call, fakeAnthropic, text } from '../../../packages/instrumentation/test/fixtures/fake-anthropic.mjs';

const tool = { name: 'add', description: 'Adds', input_schema: { type: 'object', properties: { a: { type: 'number' } } } };

/** An application that runs its tools itself, as it has to; prints what it observes, and whether there is a runner after all. */
export async function run({ Anthropic }) {
  const api = await fakeAnthropic([[text('One.'), call('c1', 'add', { a: 1 })], [text('Done.')]]);
  const { messages } = new Anthropic({ apiKey: 'none', baseURL: api.url, maxRetries: 0 }).beta;
  const said = [{ role: 'user', content: 'Add.' }];
  const ask = () => messages.create({ model: 'claude-x', max_tokens: 10, messages: said, tools: [tool] });
  const { content } = await ask();
  const [{ id, input }] = content.filter(({ type }) => type === 'tool_use');
  said.push(
    { role: 'assistant', content },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: String(input.a + 1) }] },
  );
  console.log(JSON.stringify({ runner: 'toolRunner' in messages, answers: [content, (await ask()).content] }));
  api.close();
}
