import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { ATTR } from '@agent-custody/chain';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { shutDownSessions } from '../src/exit.js';
import { configure } from '../src/global.js';
import { governTools } from '../src/govern.js';
import { session } from '../src/session.js';
import { loadAi } from './adapters/support/ai.js';
import { findings, type Recording, record } from './support/recording.js';

let recording: Recording;
beforeEach(() => {
  recording = record();
});
afterEach(async () => {
  shutDownSessions();
  expect(findings(recording.links())).toEqual([]);
  await recording.stop();
});

const frameworks = new URL('../../../test/frameworks/', import.meta.url);
/** As CommonJS: no hook is asked about it, as in a bundle. */
const load = (framework: string, specifier: string): unknown =>
  createRequire(fileURLToPath(new URL(`${framework}/package.json`, frameworks)))(specifier) as unknown;
const calls = () =>
  recording
    .kind('action.intent')
    .map(({ attributes, content }) => [attributes[ATTR.toolName], attributes[ATTR.toolCallId], content['gen_ai.tool.call.arguments']]);
const statuses = () => recording.kind('action.outcome').map(({ attributes }) => attributes[ATTR.actionStatus]);
const denyAll = () => configure({ guard: { decide: () => ({ decision: 'deny', rule: 'all' }) } });
const REFUSED = 'The call of look was refused by policy (all).';

describe('governTools', () => {
  it('records LangChain tools, and they stay what they are', async () => {
    const { DynamicStructuredTool, StructuredTool } = load(
      'langchain',
      '@langchain/core/tools',
    ) as typeof import('./govern-types.js').langchain;
    const schema = { type: 'object', properties: { q: { type: 'string' } } };
    const look = new DynamicStructuredTool({ name: 'look', description: 'Looks', schema, func: async ({ q }) => `saw ${q}` });
    const [governed] = governTools([look]);
    expect(governed).toBeInstanceOf(StructuredTool);
    expect(await governed?.invoke({ type: 'tool_call', id: 'c1', name: 'look', args: { q: 'a' } })).toMatchObject({ content: 'saw a' });
    expect(await governed?.invoke({ q: 'b' })).toBe('saw b');
    expect(calls()).toEqual([
      ['look', 'c1', '{"q":"a"}'],
      ['look', undefined, '{"q":"b"}'],
    ]);
    denyAll();
    await expect(governed?.invoke({ q: 'c' })).rejects.toThrow(REFUSED);
  });

  it('records function tools of the OpenAI Agents SDK, run by the SDK itself', async () => {
    const agents = load('openai-agents', '@openai/agents') as typeof import('./govern-types.js').openAiAgents;
    const { z } = load('openai-agents', 'zod') as typeof import('./govern-types.js').zod;
    agents.setTracingDisabled(true);
    const look = agents.tool({
      name: 'look',
      description: 'Looks',
      parameters: z.object({ q: z.string() }),
      execute: async ({ q }) => `saw ${q}`,
    });
    const asked = { type: 'function_call', id: 'f1', callId: 'c1', name: 'look', arguments: '{"q":"a"}', status: 'completed' };
    const said = { type: 'message', id: 'm1', role: 'assistant', status: 'completed', content: [{ type: 'output_text', text: 'done' }] };
    const told: unknown[] = [];
    const model = () => {
      const outputs = [[asked], [said]];
      return {
        getResponse: async ({ input }: { input: unknown }) => {
          told.push(input);
          return { usage: new agents.Usage(), output: outputs.shift() };
        },
      };
    };
    const run = () => agents.run(new agents.Agent({ name: 'a', model: model(), tools: governTools([look]) }), 'look');
    expect((await run()).finalOutput).toBe('done');
    expect(calls()).toEqual([['look', 'c1', '{"q":"a"}']]);
    denyAll();
    expect((await run()).finalOutput).toBe('done');
    expect(JSON.stringify(told.at(-1))).toContain(REFUSED);
    expect(statuses()).toEqual(['ok', 'denied']);
  });

  it('records runnable tools of Anthropic’s SDK and functions of OpenAI’s, called as their runners call them', async () => {
    const { betaTool } = load('anthropic', '@anthropic-ai/sdk/helpers/beta/json-schema') as typeof import('./govern-types.js').anthropic;
    const inputSchema = { type: 'object', properties: { q: { type: 'string' } } };
    const runnable = betaTool({ name: 'look', description: 'Looks', inputSchema, run: ({ q }) => `saw ${q}` });
    const callable = {
      type: 'function',
      function: { name: 'look', parameters: inputSchema, function: async ({ q }: { q: string }) => `saw ${q}` },
    };
    const [anthropic, openAi] = governTools([runnable, callable] as const) as unknown as [typeof runnable, typeof callable];
    expect(await anthropic.run({ q: 'a' }, { toolUse: { id: 'c1' } })).toBe('saw a');
    expect(await openAi.function.function({ q: 'b' })).toBe('saw b');
    expect({ ...anthropic, run: undefined }).toEqual({ ...runnable, run: undefined });
    expect(calls()).toEqual([
      ['look', 'c1', '{"q":"a"}'],
      ['look', undefined, '{"q":"b"}'],
    ]);
    denyAll();
    await expect(async () => anthropic.run({ q: 'a' }, { toolUse: { id: 'c2' } })).rejects.toThrow(REFUSED);
    expect(await openAi.function.function({ q: 'b' })).toBe(REFUSED);
  });

  it('records an MCP client, once where its class is patched too', async () => {
    loadAi();
    const [here, there] = InMemoryTransport.createLinkedPair();
    const serverInfo = { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'fake', version: '1' } };
    const seen: unknown[] = [];
    there.onmessage = (message) => {
      if ('method' in message && message.method === 'tools/call') seen.push(message.params);
      if ('id' in message && 'method' in message) {
        void there.send({ jsonrpc: '2.0', id: message.id, result: message.method === 'initialize' ? serverInfo : { content: [] } });
      }
    };
    const client = governTools(new Client({ name: 'c', version: '1' }));
    await client.connect(here);
    expect(await client.callTool({ name: 'look', arguments: { q: 'a' } })).toEqual({ content: [] });
    expect(calls()).toEqual([['look', undefined, '{"q":"a"}']]);
    expect(seen).toEqual([expect.objectContaining({ _meta: expect.objectContaining({ traceparent: expect.any(String) }) })]);
    denyAll();
    expect(await client.callTool({ name: 'look', arguments: {} })).toMatchObject({ isError: true, content: [{ text: REFUSED }] });
    expect(seen).toHaveLength(1);
  });

  it('records tools of the AI SDK once where the hook sees them too, under the call that the model asked for', async () => {
    const { ai, model, call, text, add, until } = loadAi();
    const tools = governTools({ add });
    expect(governTools(tools)).toEqual(tools);
    const steps = [[call('c1', { a: 1, b: 2 }), call('c2', { a: 3, b: 4 })], [text('done')]];
    await session({ agent: { id: 'bot' } }, () => ai.generateText({ model: model(steps), prompt: 'Add.', tools, stopWhen: until(3) }));
    expect(calls()).toEqual([
      ['add', 'c1', '{"a":1,"b":2}'],
      ['add', 'c2', '{"a":3,"b":4}'],
    ]);
    expect(recording.kind('attestation')[0]?.attributes[ATTR.attestationExecuted]).toBe(2);
  });

  it('records a tool that calls itself as two', async () => {
    const tools = governTools({
      down: {
        execute: async (n: number): Promise<number> => (n > 0 ? tools.down.execute(n - 1) : n),
      },
    });
    expect(await tools.down.execute(1)).toBe(0);
    expect(calls()).toEqual([
      ['down', undefined, '1'],
      ['down', undefined, '0'],
    ]);
  });

  it('leaves what runs elsewhere, and what is no tool in a set of them, as it is', () => {
    const search = { type: 'provider', id: 'search' };
    expect(governTools({ search }).search).toBe(search);
    expect(governTools([search])[0]).toBe(search);
    expect(governTools([])).toEqual([]);
  });

  it.each([[undefined], ['look'], [() => 1], [{}], [{ name: 'look' }]])('refuses %o, which is no tool', (value) => {
    expect(() => governTools(value)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });
});
