import * as ai from 'ai';
import * as fakes from 'ai/test';
import { kit } from '../../../packages/instrumentation/test/fixtures/ai-program.mjs';
import { sentTo } from '../../../packages/instrumentation/test/fixtures/ai-reach.mjs';
import { stage } from '../../../packages/instrumentation/test/fixtures/reach.mjs';

const [, , server] = process.argv;
const wordsOf = ({ content }) => (content ?? []).map(({ text }) => text).join('');

/**
 * One run for everything that the adapters can see of a client and of the server that it starts, which is instrumented as this process
 * is: every call by hand, and one by an agent.
 *
 * @param request the options of a request, at the place where the version takes them
 */
export async function reach({ Client, StdioClientTransport, request }) {
  stage(({ by }) => by === 'client');
  const client = new Client({ name: 'reach', version: '1.0.0' });
  const env = { ...process.env, CUSTODY_AGENT_ID: 'server' };
  const transport = new StdioClientTransport({ command: process.execPath, args: [...process.execArgv, server], env, stderr: 'pipe' });
  await client.connect(transport);
  const call = (name, input = {}, options = {}) => client.callTool({ name, arguments: input }, ...request(options));
  const waiting = linesOf(transport.stderr, 'waiting');
  const [, , callId] = wordsOf(await call('call', { a: 1, b: 2 })).split(' ');
  await Promise.all([call('first'), call('second')]);
  await call('slow', {}, { timeout: 200 }).catch(() => undefined);
  await waiting(1);
  await call('broken');
  const [, traceparent] = wordsOf(await call('nested')).split(' ');
  const refusals = [await call('blocked', { by: 'client' }), await call('blocked', { by: 'server' })];
  const streamed = await streaming(client, call);
  const pieces = await call('pieces').then(wordsOf, (error) => error.constructor.name);
  const controller = new AbortController();
  const stopped = call('stopped', {}, { signal: controller.signal }).catch(() => undefined);
  await waiting(2);
  controller.abort();
  await stopped;
  const agent = await delegating(() => call('delegated').then(wordsOf));
  const ran = JSON.parse(wordsOf(await call('ran')));
  await client.close();
  const [byClient, byServer] = refusals.map((told) => ({ ...agent, ran, told: JSON.stringify(told) }));
  const shown = { client: { ...byClient, streamed }, server: { ...byServer, streamed: pieces }, callId, traceparent };
  console.log(JSON.stringify(shown));
}

/** By the stream that the version has for it, or all at once. */
async function streaming(client, call) {
  const { tasks } = client.experimental ?? {};
  if (tasks?.callToolStream === undefined) return `at once: ${wordsOf(await call('streamed'))}`;
  let last;
  for await (const message of tasks.callToolStream({ name: 'streamed', arguments: {} })) last = message;
  return wordsOf(last.result);
}

/** Answers a function that resolves when a stream has held so many lines. */
function linesOf(stream, line) {
  let all = '';
  const checks = new Set();
  stream.on('data', (chunk) => {
    all += String(chunk);
    for (const check of checks) check();
  });
  return (count) =>
    new Promise((resolve) => {
      const check = () => all.split(line).length > count && resolve();
      checks.add(check);
      check();
    });
}

/** An agent with a tool that calls the server: what its model was sent, and what it said at the end. */
async function delegating(execute) {
  const { call, model, schema, text, until } = kit(ai, fakes);
  const one = model([[text('Because.'), call('agent', {}, 'delegate')], [text('over')]]);
  const tools = { delegate: { description: 'delegate', inputSchema: schema, execute } };
  const { text: said } = await ai.generateText({ model: one, system: 'You add.', prompt: 'Add.', tools, stopWhen: until(3) });
  return { sent: sentTo(one).sent, said };
}
