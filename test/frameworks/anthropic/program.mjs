import { setTimeout as sleep } from 'node:timers/promises';
import { audited, session } from '@agent-custody/instrumentation';
import { call, fakeAnthropic, text, thought } from '../../../packages/instrumentation/test/fixtures/fake-anthropic.mjs';
import { trace } from '../../../packages/instrumentation/test/fixtures/tracing.mjs';

/** One program on the tool runner that does what applications do: it prints everything that an application can observe. */
export async function run({ Anthropic, betaZodTool, ToolError, z }) {
  const parts = [
    parallel,
    streaming,
    eager,
    thinking,
    parsing,
    refusing,
    failing,
    unknown,
    removing,
    answering,
    stopping,
    aborting,
    timingOut,
  ];
  for (const part of [...parts, nesting, grouping]) {
    const apis = [];
    const client = async (steps) => {
      const api = await fakeAnthropic(steps);
      apis.push(api);
      return new Anthropic({ apiKey: 'none', baseURL: api.url, maxRetries: 0 }).beta.messages;
    };
    const print = (line) => console.log(JSON.stringify({ part: part.name, ...line }));
    await part({ client, print, betaZodTool, ToolError, z, requests: () => apis[0].requests });
    for (const api of apis) api.close();
  }
}

const schema = { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } } };
const tool = (name, fn, rest) => ({ name, description: `Tool ${name}`, input_schema: schema, run: fn, ...rest });
const adds = tool('add', async ({ a, b }) => String(a + b));
const base = { model: 'claude-x', max_tokens: 100, system: 'You add numbers.', messages: [{ role: 'user', content: 'Add.' }] };
const words = (message) => message.content.map((block) => block.text ?? block.name ?? block.type);
const results = (runner) =>
  runner.params.messages
    .filter(({ role, content }) => role === 'user' && Array.isArray(content))
    .flatMap(({ content }) => content.map((block) => [block.tool_use_id, block.content, block.is_error === true]));

async function parallel({ client, print, requests }) {
  const steps = [
    [text('Two sums.'), call('p1', 'add', { a: 1, b: 2 }), call('p2', 'add', { a: 3, b: 4 })],
    [call('p3', 'add', { a: 5, b: 6 })],
    [text('Done.')],
  ];
  const runner = (await client(steps)).toolRunner({ ...base, tools: [adds] });
  const seen = [];
  for await (const message of runner) seen.push(words(message));
  print({ seen, results: results(runner), requests: requests().map(({ system, tools, model }) => ({ system, tools, model })) });
}

const streamed = async (runner, print) => {
  const seen = [];
  for await (const stream of runner) {
    const types = [];
    for await (const event of stream) types.push(event.type);
    seen.push([types.length, words(await stream.finalMessage())]);
  }
  print({ seen, results: results(runner) });
};

async function streaming({ client, print }) {
  const steps = [[text('Streaming.'), call('s1', 'add', { a: 1, b: 2 })], [text('3')]];
  await streamed((await client(steps)).toolRunner({ ...base, tools: [adds], stream: true }), print);
}

async function eager({ client, print }) {
  const steps = [[text('At once.'), call('e1', 'add', { a: 1, b: 2 }), call('e2', 'add', { a: 2, b: 2 })], [text('3')]];
  await streamed((await client(steps)).toolRunner({ ...base, tools: [adds], stream: true, runToolsEagerly: true }), print);
}

async function thinking({ client, print }) {
  const steps = [
    [thought('I must add.'), call('t1', 'add', { a: 1, b: 2 })],
    [{ type: 'redacted_thinking', data: 'c2VjcmV0' }, call('t2', 'add', { a: 1, b: 1 })],
  ];
  print({ final: words(await (await client(steps)).toolRunner({ ...base, tools: [adds] })) });
}

async function parsing({ client, print, betaZodTool, z }) {
  class Special {
    #secret = 7;
    name = 'special';
    description = '';
    input_schema = schema;
    run() {
      return `secret ${this.#secret}`;
    }
  }
  const zod = betaZodTool({ name: 'zod', description: '', inputSchema: z.object({ n: z.number().default(5) }), run: ({ n }) => `n ${n}` });
  const steps = [[call('z1', 'zod', {}), call('z2', 'zod', { n: 'no' }), call('z3', 'special', {})]];
  const runner = (await client(steps)).toolRunner({ ...base, tools: [zod, new Special()] });
  await runner;
  print({ results: results(runner).map(([id, content, failed]) => [id, content.split('\n')[0], failed]) });
}

/** What a policy may refuse. */
async function refusing({ client, print }) {
  const steps = [[text('Paying.'), call('r1', 'pay', { amount: 7 }), call('r2', 'add', { a: 1, b: 1 })]];
  const runner = (await client(steps)).toolRunner({ ...base, tools: [adds, tool('pay', ({ amount }) => `paid ${amount}`)] });
  await runner;
  print({ results: results(runner) });
}

async function failing({ client, print, ToolError }) {
  const throws = tool('throws', async () => Promise.reject(new RangeError('out of range')));
  const told = tool('told', () => {
    throw new ToolError('told so');
  });
  const runner = (await client([[call('f1', 'throws', {}), call('f2', 'told', {})]])).toolRunner({ ...base, tools: [throws, told] });
  await runner;
  print({ results: results(runner) });
  const broken = (await client([() => ({ status: 400, message: 'no' })])).toolRunner({ ...base, tools: [adds] });
  await broken.runUntilDone().catch((error) => print({ type: error.constructor.name, status: error.status }));
}

async function unknown({ client, print }) {
  const runner = (await client([[call('u1', 'nope', {})]])).toolRunner({ ...base, tools: [adds], max_iterations: 2 });
  await runner;
  print({ results: results(runner) });
}

async function removing({ client, print }) {
  const runner = (await client([[call('m1', 'add', { a: 1, b: 1 })]])).toolRunner({ ...base, tools: [adds] });
  for await (const _message of runner) if (results(runner).length === 0) runner.removeTools?.('add');
  print({ results: results(runner) });
}

/** The application answers some calls itself, and runs others by hand. */
async function answering({ client, print }) {
  const steps = [
    [text('Mine.'), call('n1', 'add', { a: 1, b: 1 })],
    [text('Yours.'), call('n2', 'add', { a: 2, b: 2 })],
  ];
  const runner = (await client(steps)).toolRunner({ ...base, tools: [adds] });
  for await (const message of runner) {
    const [asked] = message.content.filter(({ type }) => type === 'tool_use');
    if (asked?.id === 'n1') {
      const answer = { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'n1', content: 'by hand' }] };
      runner.setMessagesParams((params) => ({
        ...params,
        messages: [...params.messages, { role: 'assistant', content: message.content }, answer],
      }));
    }
    if (asked?.id === 'n2') print({ response: (await runner.generateToolResponse()).content });
  }
  print({ results: results(runner) });
}

async function stopping({ client, print }) {
  const runner = (await client([[text('Stop.'), call('b1', 'add', { a: 1, b: 1 })]])).toolRunner({ ...base, tools: [adds] });
  for await (const message of runner) {
    print({ seen: words(message) });
    break;
  }
}

async function aborting({ client, print }) {
  const controller = new AbortController();
  const waits = tool('waits', async () => {
    setImmediate(() => controller.abort());
    await sleep(60_000, undefined, { signal: controller.signal });
  });
  const runner = (await client([[text('Waiting.'), call('a1', 'waits', {})]])).toolRunner(
    { ...base, tools: [waits] },
    { signal: controller.signal },
  );
  await runner.runUntilDone().catch((error) => print({ type: error.constructor.name }));
}

async function timingOut({ client, print }) {
  const slow = tool('slow', () =>
    sleep(60_000, undefined, { signal: AbortSignal.timeout(1) }).catch((error) => Promise.reject(error.cause)),
  );
  const runner = (await client([[call('o1', 'slow', {})]])).toolRunner({ ...base, tools: [slow] });
  await runner;
  print({ results: results(runner) });
}

async function nesting({ client, print }) {
  const look = audited('look', async (id) => `row ${id}`);
  const looks = tool('looks', ({ id }) =>
    trace.getTracer('app').startActiveSpan('inside the tool', (span) => look(id).finally(() => span.end())),
  );
  const runner = (await client([[text('Looking.'), call('l1', 'looks', { id: 4 })]])).toolRunner({ ...base, tools: [looks] });
  await runner;
  print({ results: results(runner) });
}

/** Two runs in a session that the application opened. */
async function grouping({ client, print }) {
  const messages = await client([
    [text('One.'), call('g1', 'add', { a: 1, b: 1 })],
    [text('2')],
    [text('Two.'), call('g2', 'add', { a: 1, b: 1 })],
  ]);
  await session({ agent: { id: 'grouped' } }, async () => {
    for (let at = 0; at < 2; at++) print({ final: words(await messages.toolRunner({ ...base, tools: [adds] })) });
  });
}
