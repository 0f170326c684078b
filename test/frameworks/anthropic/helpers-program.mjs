import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { audited } from '@agent-custody/instrumentation';
import { call, fakeAnthropic, text } from '../../../packages/instrumentation/test/fixtures/fake-anthropic.mjs';

const base = { model: 'claude-x', max_tokens: 100, messages: [{ role: 'user', content: 'Go.' }] };
const results = (runner) =>
  runner.params.messages
    .filter(({ role, content }) => role === 'user' && Array.isArray(content))
    .flatMap(({ content }) => content.map((block) => [block.tool_use_id, shown(block.content), block.is_error === true]));
const shown = (content) => (typeof content === 'string' ? content : (content?.[0]?.text ?? null));

/** The package's own helpers that bring tools, each with what it needs at the other end; prints what an application observes. */
export async function run({ Anthropic, helpers }) {
  for (const part of [remembering, editing, serving, clicking, dispatching]) {
    const api = await fakeAnthropic(part.steps ?? []);
    const client = new Anthropic({ apiKey: 'none', baseURL: api.url, maxRetries: 0 });
    const print = (line) => console.log(JSON.stringify({ part: part.name, ...line }));
    await part({ Anthropic, client, helpers, print });
    api.close();
  }
}

async function remembering({ client, helpers, print }) {
  const memory = helpers.betaMemoryTool({
    view: async ({ path }) => `seen ${path}`,
    create: async () => {
      throw new Error('no room');
    },
  });
  const runner = client.beta.messages.toolRunner({ ...base, tools: [memory] });
  await runner;
  print({ results: results(runner) });
}
remembering.steps = [
  [text('Looking.'), call('m1', 'memory', { command: 'view', path: '/memories' })],
  [call('m2', 'memory', { command: 'create', path: '/memories/a', file_text: 'a' })],
  [text('Done.')],
];

/** A shell and the tools for files. */
async function editing({ client, helpers, print }) {
  const workdir = mkdtempSync(join(tmpdir(), 'agent-custody-helpers-'));
  const tools = helpers.betaAgentToolset20260401({ workdir });
  const runner = client.beta.messages.toolRunner({ ...base, tools });
  await runner;
  for (const tool of tools) await tool.close?.();
  print({ results: results(runner).map(([id, , failed]) => [id, failed]), files: readdirSync(workdir) });
  rmSync(workdir, { recursive: true, force: true });
}
editing.steps = [
  [text('Writing.'), call('e1', 'write', { file_path: 'a.txt', content: 'hello' })],
  [call('e2', 'bash', { command: 'cat a.txt' })],
  [call('e3', 'read', { file_path: 'none.txt' })],
  [text('Done.')],
];

/** Tools of an MCP server, called by the application's own client of it. */
async function serving({ client, helpers, print }) {
  const callTool = audited('callTool', async ({ arguments: { id } }) => ({
    content: [{ type: 'text', text: `row ${id}` }],
    isError: id === 0,
  }));
  const tools = helpers.mcpTools([{ name: 'find', description: 'Finds', inputSchema: { type: 'object' } }], { callTool });
  const runner = client.beta.messages.toolRunner({ ...base, tools });
  await runner;
  print({ results: results(runner) });
}
serving.steps = [[text('Finding.'), call('s1', 'find', { id: 4 }), call('s2', 'find', { id: 0 })], [text('Done.')]];

/** Members of a toolset, each of which the application is asked about. */
async function clicking({ client, helpers, print }) {
  const look = audited('look', async (what) => what);
  class Computer extends helpers.BetaAbstractComputerToolset20260801 {
    async left_click(_context, { coordinate }) {
      await look(coordinate);
    }
    async double_click() {
      throw new RangeError('stuck');
    }
    async key() {}
  }
  const asked = [];
  const confirm = async ({ member, toolUse }) => {
    asked.push([member, toolUse.id]);
    if (toolUse.id === 'c4') throw new Error('nobody there');
    return member !== 'key';
  };
  for (const toolset of [new Computer({ confirm }), new Computer({ configs: { key: { enabled: false } } })]) {
    const runner = client.beta.messages.toolRunner({ ...base, tools: [toolset] });
    await runner;
    print({ results: results(runner), asked });
  }
}
const member = (id, name, input) => ({ ...call(id, name, input), toolset_name: 'computer' });
clicking.steps = [
  [text('Clicking.'), member('c1', 'left_click', { coordinate: [1, 2] })],
  [member('c2', 'key', { text: 'Return' }), member('c3', 'left_click', { coordinate: [3, 4] })],
  [member('c4', 'left_click', { coordinate: [5, 6] })],
  [member('c5', 'double_click', { coordinate: [5, 6] })],
  [text('Done.')],
  [text('Unasked.'), member('c6', 'left_click', { coordinate: [7, 8] })],
  [text('Done.')],
];

/** The tools of an agent whose loop runs at the provider, which may ask for a confirmation. */
async function dispatching({ Anthropic, print }) {
  const use = (id, n, permission) => ({
    id,
    type: 'agent.tool_use',
    name: 'add',
    input: { n },
    ...(permission && { evaluated_permission: permission }),
  });
  const says = (id, result) => ({ id: `says-${id}`, type: 'user.tool_confirmation', tool_use_id: id, result });
  const events = [
    use('t1', 1, 'allow'),
    use('t2', 2, 'ask'),
    says('t2', 'allow'),
    use('t3', 3, 'ask'),
    says('t3', 'deny'),
    use('t4', 4, 'deny'),
    use('t5', 5),
    { ...use('t6', -1), type: 'agent.custom_tool_use' },
    { id: 'over', type: 'session.status_terminated' },
  ];
  const sent = [];
  const fetch = async (url, init) => {
    const { pathname } = new URL(url);
    if (pathname.endsWith('/stream')) {
      const stream = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('');
      return new Response(stream, { headers: { 'content-type': 'text/event-stream' } });
    }
    if (init?.method?.toUpperCase() === 'POST') sent.push(...JSON.parse(init.body).events);
    return Response.json({ data: [], next_page: null });
  };
  const { events: session } = new Anthropic({ apiKey: 'none', baseURL: 'http://127.0.0.1', fetch, maxRetries: 0 }).beta.sessions;
  const add = { name: 'add', description: 'Adds', input_schema: { type: 'object' } };
  const tool = {
    ...add,
    run: ({ n }) => {
      if (n < 0) throw new RangeError('below zero');
      return String(n + 1);
    },
  };
  const calls = [];
  for await (const { toolUseId, isError, posted, confirmation } of session.toolRunner('s', { tools: [tool] }))
    calls.push([toolUseId, isError, posted, confirmation ?? null]);
  print({
    calls,
    sent: sent.map(({ type, tool_use_id, custom_tool_use_id, content }) => [type, tool_use_id ?? custom_tool_use_id, shown(content)]),
  });
}
