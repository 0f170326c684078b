import { call, text } from '../../../packages/instrumentation/test/fixtures/fake-anthropic.mjs';
import { offered, stage } from '../../../packages/instrumentation/test/fixtures/reach.mjs';
import { home } from './home.mjs';

const bash = (id, command, more) => call(id, 'Bash', { command, description: 'Runs it', ...more });
const served = (id, name = id) => call(id, `mcp__reach__${name}`, {});

/** One run for everything that an adapter can see of the Claude Agent SDK, with the real native program and a model of our own. */
export async function reach(sdk) {
  const { body, controller, each, print, signal } = stage();
  const { leave, model } = home();
  const tool = (name, execute) => {
    const handler = async () => ({ content: [{ type: 'text', text: await execute() }] });
    // Only tools that change nothing run side by side.
    return sdk.tool(name, name, {}, handler, { annotations: { readOnlyHint: true } });
  };
  const tools = [...each(tool), tool('stopped', () => body('stopped')(signal))];
  const allowedTools = ['Bash', ...tools.map(({ name }) => `mcp__reach__${name}`)];
  /** A query to its end: its messages and its result, and the requests that the model got. */
  const ask = async (steps, more) => {
    const { options, requests } = await model(steps);
    const mcpServers = { reach: sdk.createSdkMcpServer({ name: 'reach', tools }) };
    const messages = [];
    // A command that takes too long is ended, and not left to itself.
    const env = { ...options.env, CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: '1' };
    const all = { ...options, env, allowedTools, mcpServers, ...more };
    for await (const message of sdk.query({ prompt: 'Go.', options: all })) messages.push(message);
    return { requests, messages, said: messages.at(-1).result };
  };
  const calls = [
    bash('call', 'echo 3'),
    served('first', 'meet'),
    served('second', 'meet'),
    served('broken'),
    served('nested'),
    served('blocked'),
    bash('slow', 'tail -f /dev/null', { timeout: 100 }),
  ];
  const whole = await ask([[text('Because.'), ...calls], [text('over')]], { systemPrompt: 'You add.' });
  // No system prompt of the application's.
  const pieces = await ask([[bash('streamed', 'echo 3')], [text('streamed')]], { includePartialMessages: true });
  await ask([[served('stopped')]], { abortController: controller }).catch(() => undefined);
  const [{ system, tools: declared, model: name }, { messages: told }] = whole.requests;
  const sent = {
    systemPrompt: system.map((block) => block.text),
    tools: declared.map(offered),
    model: { provider: 'anthropic', name },
  };
  const names = whole.messages.find(({ subtype }) => subtype === 'init').tools;
  const streamed = pieces.messages.some(({ type }) => type === 'stream_event') ? pieces.said : `at once: ${pieces.said}`;
  print({ sent, names, told, said: whole.said, streamed });
  leave();
}
