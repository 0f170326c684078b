import { call, fakeAnthropic, text } from '../../../packages/instrumentation/test/fixtures/fake-anthropic.mjs';

const schema = { type: 'object', properties: { n: { type: 'number' } } };
const tool = (name, fn, rest) => ({ name, description: `Tool ${name}`, input_schema: schema, run: fn, ...rest });
const base = () => ({ model: 'claude-x', max_tokens: 100, system: 'You count.', messages: [{ role: 'user', content: 'Count.' }] });
const results = (runner) =>
  runner.params.messages
    .filter(({ role, content }) => role === 'user' && Array.isArray(content))
    .flatMap(({ content }) => content.map((block) => [block.tool_use_id, block.content]));

/** What applications do to the tools of a runner, and what versions 0 do on their own; prints all that an application can observe. */
export async function run({ Anthropic }) {
  for (const part of [identity, frozen, repeated, shared, replaced, added, cut, summarised, early]) {
    const api = await fakeAnthropic(part.steps);
    const messages = new Anthropic({ apiKey: 'none', baseURL: api.url, maxRetries: 0 }).beta.messages;
    const print = (line) => console.log(JSON.stringify({ part: part.name, ...line }));
    await part({ messages, print });
    print({ requests: api.requests.map(({ tools }) => tools?.map(({ name }) => name)) });
    api.close();
  }
}

/** The application's tools stay its own, whatever it reads from the runner. */
async function identity({ messages, print }) {
  const count = tool('count', ({ n }) => `counted ${n}`);
  const list = [count];
  const { run: given } = count;
  const runner = messages.toolRunner({ ...base(), tools: list });
  const same = [];
  for await (const _message of runner)
    same.push(runner.params.tools[0] === count, runner.params.tools.includes(count), count.run === given);
  print({ same, length: runner.params.tools.length, keys: Object.keys(count), listed: list[0] === count, results: results(runner) });
}
identity.steps = [[text('One.'), call('i1', 'count', { n: 1 })], [text('Done.')]];

class Frozen {
  #secret = 7;
  name = 'frozen';
  description = '';
  input_schema = schema;
  run({ n }) {
    return `secret ${this.#secret + n}`;
  }
}

async function frozen({ messages, print }) {
  const tools = Object.freeze([Object.freeze(tool('count', ({ n }) => `counted ${n}`)), Object.freeze(new Frozen())]);
  const runner = messages.toolRunner(Object.freeze({ ...base(), tools }));
  await runner;
  print({ results: results(runner) });
  const params = Object.freeze({ ...base(), tools });
  const second = messages.toolRunner({ ...base(), tools: [] });
  second.setMessagesParams(params);
  await second;
  print({ results: results(second) });
}
frozen.steps = [
  [call('f1', 'count', { n: 1 }), call('f2', 'frozen', { n: 1 })],
  [text('Done.')],
  [call('f3', 'count', { n: 3 })],
  [text('Done.')],
];

/** Calls that differ by their id alone, and a tool that parses what it is given into something else. */
async function repeated({ messages, print }) {
  const seen = [];
  const count = tool('count', async ({ n }) => {
    seen.push(n);
    return `counted ${seen.length}`;
  });
  const parse = ({ n }) => {
    if (n < 0) throw new RangeError('below zero');
    return { n: n * 10 };
  };
  const runner = messages.toolRunner({ ...base(), tools: [count, tool('ten', ({ n }) => String(n), { parse })] });
  await runner;
  print({ seen, results: results(runner) });
}
repeated.steps = [
  [call('r1', 'count', { n: 1 }), call('r2', 'count', { n: 1 }), call('r3', 'ten', { n: -1 }), call('r4', 'ten', { n: 4 })],
  [call('r5', 'count', { n: 1 })],
  [text('Done.')],
];

/** The list that the application gave goes on being its own. */
async function shared({ messages, print }) {
  const tools = [tool('count', ({ n }) => `counted ${n}`)];
  const runner = messages.toolRunner({ ...base(), tools });
  for await (const _message of runner) if (tools.length === 1) tools.push(tool('more', ({ n }) => `more ${n}`));
  print({ results: results(runner), tools: runner.params.tools.length });
}
shared.steps = [[call('s1', 'count', { n: 1 })], [call('s2', 'more', { n: 2 })], [text('Done.')]];

async function replaced({ messages, print }) {
  const runner = messages.toolRunner({ ...base(), tools: [tool('count', ({ n }) => `counted ${n}`)] });
  let changed = false;
  for await (const message of runner) {
    if (changed) continue;
    changed = true;
    const other = tool('other', ({ n }) => `other ${n}`);
    runner.setMessagesParams((params) => ({
      ...params,
      tools: [...params.tools, other],
      messages: [...params.messages, { role: 'assistant', content: message.content }],
    }));
  }
  print({ results: results(runner) });
}
replaced.steps = [[call('p1', 'count', { n: 1 })], [call('p2', 'other', { n: 2 }), call('p3', 'count', { n: 3 })], [text('Done.')]];

/** From 0.128 tools may be added on the way. */
async function added({ messages, print }) {
  const runner = messages.toolRunner({ ...base(), tools: [tool('count', ({ n }) => `counted ${n}`)] });
  for await (const _message of runner) if (results(runner).length === 0) runner.addTools?.(tool('late', ({ n }) => `late ${n}`));
  print({ results: results(runner) });
}
added.steps = [[call('a1', 'count', { n: 1 })], [call('a2', 'late', { n: 2 })], [text('Done.')]];

/** Before 0.121 the tools of a reply that was cut off are run all the same. */
async function cut({ messages, print }) {
  const runner = messages.toolRunner({ ...base(), tools: [tool('count', ({ n }) => `counted ${n}`)] });
  await runner;
  print({ results: results(runner) });
}
cut.steps = [Object.assign([text('Long.'), call('c1', 'count', { n: 1 })], { stop_reason: 'max_tokens' }), [text('Done.')]];

/** Before 0.128 the runner itself has a long conversation summarised, and what was asked for in it is not run. */
async function summarised({ messages, print }) {
  const compactionControl = { enabled: true, contextTokenThreshold: 3 };
  const params = { ...base(), tools: [tool('count', ({ n }) => `counted ${n}`)], compactionControl };
  let runner;
  try {
    runner = messages.toolRunner(params);
  } catch (error) {
    print({ type: error.constructor.name });
    return;
  }
  const seen = [];
  for await (const message of runner) seen.push(message.content.map(({ type }) => type));
  print({ seen, results: results(runner) });
}
summarised.steps = [
  Object.assign([call('m1', 'count', { n: 1 })], { usage: { input_tokens: 10, output_tokens: 1 } }),
  [call('m2', 'count', { n: 2 })],
  [text('Done.')],
];

/** Asked for before it runs, a runner answers what the conversation ends with. */
async function early({ messages, print }) {
  const asked = [...base().messages, { role: 'assistant', content: [call('e1', 'count', { n: 1 })] }];
  const runner = messages.toolRunner({ ...base(), messages: asked, tools: [tool('count', ({ n }) => `counted ${n}`)] });
  print({ response: (await runner.generateToolResponse()).content });
}
early.steps = [];
