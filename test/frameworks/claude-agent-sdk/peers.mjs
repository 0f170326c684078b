import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { call, fakeAnthropic, text } from '../../../packages/instrumentation/test/fixtures/fake-anthropic.mjs';

/** What the SDK's guides and demos show, with the real native program and a model of our own; prints what an application sees of it. */
export async function run(sdk, z) {
  for (const example of [helloWorld, customTools, chat, warm]) {
    const folder = mkdtempSync(join(tmpdir(), 'agent-custody-peers-'));
    const api = await fakeAnthropic(example.steps);
    const env = {
      PATH: process.env.PATH,
      HOME: folder,
      CLAUDE_CONFIG_DIR: join(folder, 'config'),
      ANTHROPIC_BASE_URL: api.url,
      ANTHROPIC_API_KEY: 'none',
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    };
    const options = { cwd: folder, env, model: 'claude-x', settingSources: [] };
    await example({ sdk, z, options, folder, print: (line) => console.log(JSON.stringify({ example: example.name, ...line })) });
    api.close();
    try {
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    } catch {
      // The program may still be writing: the folder is in the temporary one.
    }
  }
}

function show(message, print) {
  if (message.type === 'result') print({ result: message.subtype, text: message.result, turns: message.num_turns });
  if (!Array.isArray(message.message?.content)) return;
  for (const block of message.message.content) {
    if (block.type === 'text' && message.type === 'assistant') print({ text: block.text });
    if (block.type === 'tool_use') print({ tool: block.name, id: block.id });
    if (block.type === 'tool_result') print({ of: block.tool_use_id, failed: block.is_error === true });
  }
}

/** The demo's hook: scripts may be written into one folder only. */
async function helloWorld({ sdk, options, folder, print }) {
  const scripts = async ({ tool_input: { file_path: file = '' } }) => {
    if (!['.js', '.ts'].includes(extname(file)) || file.startsWith(join(folder, 'custom_scripts'))) return { continue: true };
    return { decision: 'block', stopReason: 'Scripts go to custom_scripts.', continue: false };
  };
  const hooks = { PreToolUse: [{ matcher: 'Write|Edit|MultiEdit', hooks: [scripts] }] };
  const query = sdk.query({ prompt: 'Hello, who are you?', options: { ...options, hooks, maxTurns: 10, allowedTools: ['Write', 'Bash'] } });
  for await (const message of query) show(message, print);
}
helloWorld.steps = [
  [text('Hello.'), call('h1', 'Bash', { command: 'pwd', description: 'Where' })],
  [call('h2', 'Write', { file_path: 'note.txt', content: 'note' })],
  [call('h3', 'Write', { file_path: '/tmp/evil.js', content: '1' })],
  [text('Done.')],
];

async function* turns(...prompts) {
  for (const content of prompts) yield { type: 'user', session_id: '', parent_tool_use_id: null, message: { role: 'user', content } };
}

async function customTools({ sdk, z, options, print }) {
  const add = sdk.tool('add', 'Adds', { a: z.number(), b: z.number() }, async ({ a, b }) => ({
    content: [{ type: 'text', text: String(a + b) }],
  }));
  const weather = sdk.tool('weather', 'Weather', { city: z.string() }, async ({ city }) => ({
    content: [{ type: 'text', text: `Fog in ${city}` }],
    isError: city === '',
  }));
  const mcpServers = { utilities: sdk.createSdkMcpServer({ name: 'utilities', version: '1.0.0', tools: [add, weather] }) };
  const allowedTools = ['mcp__utilities__add', 'mcp__utilities__weather'];
  for await (const message of sdk.query({ prompt: turns('Add and tell.'), options: { ...options, mcpServers, allowedTools } }))
    show(message, print);
}
customTools.steps = [
  [text('Both.'), call('c1', 'mcp__utilities__add', { a: 1, b: 2 })],
  [call('c2', 'mcp__utilities__weather', { city: '' })],
  [text('3, and fog.')],
];

/** Several turns of one conversation. */
async function chat({ sdk, options, print }) {
  let next;
  const answered = () => new Promise((resolve) => (next = resolve));
  async function* prompts() {
    yield* turns('Hello.');
    await answered();
    yield* turns('And again.');
  }
  const query = sdk.query({ prompt: prompts(), options: { ...options, allowedTools: ['Bash'], systemPrompt: 'You chat.' } });
  for await (const message of query) {
    show(message, print);
    if (message.type === 'result') next?.();
  }
}
chat.steps = [[text('Hi.')], [text('Looking.'), call('t1', 'Bash', { command: 'echo hi', description: 'Greets' })], [text('Hi again.')]];

/** A program that is started ahead. */
async function warm({ sdk, options, print }) {
  const ready = await sdk.startup({ options: { ...options, allowedTools: ['Bash'] } });
  for await (const message of ready.query('Go.')) show(message, print);
}
warm.steps = [[text('Going.'), call('s1', 'Bash', { command: 'true', description: 'Nothing' })], [text('Gone.')]];
