import { setTimeout as sleep } from 'node:timers/promises';
import { audited, session } from '@agent-custody/instrumentation';
import { asks, call, fakeOpenAi, said } from '../../../packages/instrumentation/test/fixtures/fake-openai.mjs';
import { trace } from '../../../packages/instrumentation/test/fixtures/tracing.mjs';

/**
 * One program on `runTools` that does what applications do, for versions 6 and 7: it prints everything that an application can
 * observe, so that two runs of it can be compared word for word.
 */
export async function run({ OpenAI, zodFunction, z }) {
  for (const part of [
    parallel,
    streaming,
    parsing,
    refusing,
    failing,
    single,
    sequential,
    unknown,
    aborting,
    timingOut,
    nesting,
    grouping,
  ]) {
    const print = (line) => console.log(JSON.stringify({ part: part.name, ...line }));
    const apis = [];
    const client = async (steps) => {
      const api = await fakeOpenAi(steps);
      apis.push(api);
      return new OpenAI({ apiKey: 'none', baseURL: api.url, maxRetries: 0 });
    };
    await part({ client, print, zodFunction, z, requests: () => apis[0].requests });
    for (const api of apis) api.close();
  }
}

const parameters = { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } } };
const tool = (name, fn, parse) => ({
  type: 'function',
  function: { name, description: `Tool ${name}`, parameters, function: fn, ...(parse && { parse }) },
});
const add = async ({ a, b }) => a + b;
const adds = tool('add', add, JSON.parse);
const base = {
  model: 'gpt-x',
  messages: [
    { role: 'system', content: 'You add numbers.' },
    { role: 'user', content: 'Add.' },
  ],
};

async function parallel({ client, print, requests }) {
  const steps = [
    asks('Two sums.', call('p1', 'add', { a: 1, b: 2 }), call('p2', 'add', { a: 3, b: 4 }), call('p3', 'add', { a: 1, b: 2 })),
    { ...asks(null, call('p4', 'add', { a: 5, b: 6 })), reasoning_content: 'One more.' },
    said('Done.'),
  ];
  const runner = (await client(steps)).chat.completions.runTools({ ...base, tools: [adds] });
  const seen = [];
  runner.on('functionToolCallResult', (result) => seen.push(result));
  print({ text: await runner.finalContent(), seen, roles: runner.messages.map(({ role }) => role), requests: requests() });
}

async function streaming({ client, print }) {
  const runner = (await client([asks('Streaming.', call('s1', 'add', { a: 1, b: 2 })), said('3')])).chat.completions.runTools({
    ...base,
    stream: true,
    tools: [adds],
  });
  const pieces = [];
  for await (const chunk of runner) pieces.push(chunk.choices[0]?.delta?.content ?? null);
  print({ pieces, text: await runner.finalContent() });
}

async function parsing({ client, print, zodFunction, z }) {
  class Special {
    secret = 7;
    type = 'function';
    function = {
      name: 'secret',
      description: '',
      parameters,
      function(input) {
        return `${input} ${this.name}`;
      },
    };
  }
  const zod = zodFunction({ name: 'zod', parameters: z.object({ n: z.number().default(5).nullable() }), function: ({ n }) => n });
  const lazy = tool(
    'lazy',
    (input) => input.late,
    async (text) => ({ late: JSON.parse(text).a }),
  );
  const text = tool('text', (input) => input.length);
  const broken = call('z4', 'lazy', {});
  broken.function.arguments = '{"a":';
  const steps = [
    asks(null, call('z1', 'lazy', { a: 1 }), call('z2', 'zod', { n: 3 }), call('z3', 'text', { a: 1 }), broken, call('z5', 'secret', {})),
  ];
  const runner = (await client(steps)).chat.completions.runTools({ ...base, tools: [zod, lazy, text, new Special()] });
  await runner.done();
  print({ messages: runner.messages.filter(({ role }) => role === 'tool') });
}

/** What a policy may refuse. */
async function refusing({ client, print }) {
  const steps = [asks('Paying.', call('r1', 'pay', { amount: 7 }), call('r2', 'add', { a: 1, b: 1 }))];
  const pay = tool('pay', ({ amount }) => `paid ${amount}`, JSON.parse);
  const runner = (await client(steps)).chat.completions.runTools({ ...base, tools: [adds, pay] });
  await runner.done();
  print({ messages: runner.messages.filter(({ role }) => role === 'tool') });
}

async function failing({ client, print }) {
  const throws = tool('throws', async () => Promise.reject(new RangeError('out of range')), JSON.parse);
  const first = (await client([asks(null, call('f1', 'throws', {}), call('f2', 'add', { a: 1, b: 1 }))])).chat.completions;
  await first
    .runTools({ ...base, tools: [throws, adds] })
    .done()
    .catch((error) => print({ name: error.name, message: error.message }));
  const second = (await client([() => ({ status: 400, message: 'no' })])).chat.completions;
  await second
    .runTools({ ...base, tools: [adds] })
    .done()
    .catch((error) => print({ type: error.constructor.name, status: error.status }));
}

async function single({ client, print }) {
  const steps = [asks(null, call('o1', 'add', { a: 1, b: 2 }), call('o2', 'other', {}), call('o3', 'add', { a: 3, b: 3 }))];
  const options = { tool_choice: { type: 'function', function: { name: 'add' } }, tools: [adds, tool('other', () => 'never')] };
  const runner = (await client(steps)).chat.completions.runTools({ ...base, ...options });
  await runner.done();
  print({ roles: runner.messages.map(({ role }) => role) });
}

async function sequential({ client, print }) {
  const steps = [asks(null, call('q1', 'add', { a: 1, b: 2 }), call('q2', 'add', { a: 3, b: 4 }))];
  const runner = (await client(steps)).chat.completions.runTools({ ...base, parallel_tool_calls: false, tools: [adds] });
  await runner.done();
  print({ results: runner.messages.filter(({ role }) => role === 'tool').map(({ content }) => content) });
}

async function unknown({ client, print }) {
  const completions = (await client(Array.from({ length: 3 }, (_, at) => asks(null, call(`u${at}`, 'nope', {}))))).chat.completions;
  const runner = completions.runTools({ ...base, tools: [adds] }, { maxChatCompletions: 2 });
  await runner.done();
  print({ contents: runner.messages.filter(({ role }) => role === 'tool').map(({ content }) => content) });
}

async function aborting({ client, print }) {
  const controller = new AbortController();
  const waits = tool('waits', async () => {
    setImmediate(() => controller.abort());
    await sleep(60_000, undefined, { signal: controller.signal });
  });
  const completions = (await client([asks('Waiting.', call('a1', 'waits', {}))])).chat.completions;
  const runner = completions.runTools({ ...base, tools: [waits] }, { signal: controller.signal });
  await runner.done().catch((error) => print({ type: error.constructor.name, aborted: runner.aborted }));
  const hanging = (await client([() => undefined])).chat.completions.runTools({ ...base, tools: [adds] });
  setImmediate(() => hanging.abort());
  await hanging.done().catch((error) => print({ type: error.constructor.name, aborted: hanging.aborted }));
}

async function timingOut({ client, print }) {
  const slow = tool('slow', () =>
    sleep(60_000, undefined, { signal: AbortSignal.timeout(1) }).catch((error) => Promise.reject(error.cause)),
  );
  const completions = (await client([asks(null, call('t1', 'slow', {}))])).chat.completions;
  await completions
    .runTools({ ...base, tools: [slow] })
    .done()
    .catch((error) => print({ name: error.name }));
}

async function nesting({ client, print }) {
  const look = audited('look', async (id) => `row ${id}`);
  const looks = tool(
    'looks',
    ({ id }) => trace.getTracer('app').startActiveSpan('inside the tool', (span) => look(id).finally(() => span.end())),
    JSON.parse,
  );
  const runner = (await client([asks('Looking.', call('n1', 'looks', { id: 4 }))])).chat.completions.runTools({ ...base, tools: [looks] });
  await runner.done();
  print({ contents: runner.messages.filter(({ role }) => role === 'tool').map(({ content }) => content) });
}

/** Two runs in a session that the application opened. */
async function grouping({ client, print }) {
  const { chat } = await client([
    asks('One.', call('g1', 'add', { a: 1, b: 1 })),
    said('2'),
    asks('Two.', call('g2', 'add', { a: 1, b: 1 })),
  ]);
  await session({ agent: { id: 'grouped' } }, async () => {
    for (let at = 0; at < 2; at++) print({ text: await chat.completions.runTools({ ...base, tools: [adds] }).finalContent() });
  });
}
