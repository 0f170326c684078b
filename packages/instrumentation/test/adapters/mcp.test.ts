import { createRequire } from 'node:module';
import { join } from 'node:path';
import { propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { audited } from '../../src/audited.js';
import { callerOf } from '../../src/baggage.js';
import { shutDownSessions } from '../../src/exit.js';
import { configure } from '../../src/global.js';
import { session } from '../../src/session.js';
import { findings, type Recording, record } from '../support/recording.js';
import { loadAi } from './support/ai.js';
import { FRAMEWORKS } from './support/process.js';

const { ai, model, call, text, schema, until } = loadAi();
const require = createRequire(import.meta.url);
const VERSIONS = [
  { name: 'version 1', Client: require('@modelcontextprotocol/sdk/client').Client, ...require('@modelcontextprotocol/sdk/inMemory.js') },
  { name: 'version 2', ...require('@modelcontextprotocol/client') },
];

interface Received {
  readonly arguments: unknown;
  readonly _meta?: Record<string, string>;
}

let recording: Recording;
beforeEach(() => {
  recording = record();
});
afterEach(async () => {
  shutDownSessions();
  expect(findings(recording.links())).toEqual([]);
  await recording.stop();
});

describe.each(VERSIONS)('$name', ({ Client, InMemoryTransport }) => {
  /** A client of a server that keeps what it gets, and answers with it. */
  async function connect() {
    const received: Received[] = [];
    const [here, there] = InMemoryTransport.createLinkedPair();
    const capabilities = { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'fake', version: '1' } };
    there.onmessage = ({ id, method, params }: { id?: number; method: string; params: Received }) => {
      if (id === undefined) return;
      if (method === 'tools/call') received.push(params);
      const result =
        method === 'initialize' ? capabilities : { content: [{ type: 'text', text: JSON.stringify(params.arguments ?? null) }] };
      void there.send({ jsonrpc: '2.0', id, result });
    };
    await there.start();
    const client = new Client({ name: 'test', version: '1' });
    await client.connect(here);
    return { client, received };
  }

  it('sends trace context and the parent intent in _meta, and the arguments as they are', async () => {
    const { client, received } = await connect();
    const given = { name: 'lookup', arguments: { id: 7 } };
    await session({ agent: { id: 'bot' } }, () => client.callTool(given));
    const [params] = received;
    const carrier = params?._meta ?? {};
    const [intent] = recording.kind('action.intent');
    const [outcome] = recording.kind('action.outcome');
    const remote = trace.getSpanContext(new W3CTraceContextPropagator().extract(ROOT_CONTEXT, carrier, getter));
    expect(params?.arguments).toEqual({ id: 7 });
    expect(remote).toMatchObject({ traceId: outcome?.traceId, spanId: outcome?.spanId });
    expect(callerOf(new W3CBaggagePropagator().extract(ROOT_CONTEXT, carrier, getter))).toEqual({
      session: intent?.session,
      seq: intent?.seq,
      hash: intent?.hash,
    });
    expect(given).toEqual({ name: 'lookup', arguments: { id: 7 } });
    expect(intent?.content['gen_ai.tool.call.arguments']).toBe('{"id":7}');
  });

  it('leaves what the application put into _meta itself as it is', async () => {
    const { client, received } = await connect();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await client.callTool({ name: 'lookup', arguments: {}, _meta: { traceparent, 'example.com/own': 'mine' } });
    expect(received[0]?._meta).toMatchObject({ traceparent, 'example.com/own': 'mine' });
  });

  it('records a call inside a tool of an agent as an action begun in that one', async () => {
    const { client } = await connect();
    const lookup = { inputSchema: schema, execute: (input: object) => client.callTool({ name: 'lookup', arguments: input }) };
    await ai.generateText({
      model: model([[call('t1', { a: 1, b: 2 }, 'lookup')], [text('done')]]),
      prompt: 'Look.',
      tools: { lookup },
      stopWhen: until(3),
    });
    const [outer, inner] = recording.kind('action.intent');
    expect(inner?.session).toBe(outer?.session);
    expect(inner?.attributes).toMatchObject({
      'custody.action.parent.id': outer?.attributes['custody.action.id'],
      'gen_ai.tool.type': 'extension',
    });
    expect(propagation.getActiveBaggage()).toBeUndefined();
  });

  it('answers a call that a policy refuses with a result that says so, and sends nothing', async () => {
    const { client, received } = await connect();
    configure({ guard: { decide: () => ({ decision: 'deny', rule: 'blocked', reason: 'not here' }) } });
    await session({ agent: { id: 'bot' } }, async () => {
      const answer = client.callTool({ name: 'lookup', arguments: {} });
      expect(answer).toBeInstanceOf(Promise);
      expect(await answer).toEqual(refusal);
    });
    expect(received).toEqual([]);
    expect(recording.kind('action.outcome')[0]?.attributes['custody.action.status']).toBe('denied');
  });

  it('waits for the approval that a call needs, and names the intent to the server all the same', async () => {
    const { client, received } = await connect();
    configure({ guard: { decide: () => ({ decision: 'require_approval', rule: 'large', wait }) } });
    await session({ agent: { id: 'bot' } }, () => client.callTool({ name: 'lookup', arguments: { id: 7 } }));
    expect(received[0]?._meta?.['baggage']).toContain(recording.kind('action.intent')[0]?.hash);
    expect(recording.kind('approval')).toHaveLength(1);
    expect(recording.kind('action.outcome')[0]?.attributes['custody.action.status']).toBe('ok');
  });

  it('opens the session of the process for a call outside of any, with the fingerprint unknown', async () => {
    const { client } = await connect();
    await client.callTool({ name: 'lookup' });
    const [start] = recording.kind('session.start');
    const [intent] = recording.kind('action.intent');
    expect(start?.attributes['custody.fingerprint.tools']).toBe(intent?.attributes['custody.fingerprint.tools']);
    expect(intent?.content['gen_ai.tool.call.arguments']).toBe('{}');
  });
});

describe('a server in the process of its client', () => {
  it.each([
    ['version 1', '@modelcontextprotocol/sdk/server/mcp.js', '@modelcontextprotocol/sdk/client', '@modelcontextprotocol/sdk/inMemory.js'],
    ['version 2', '@modelcontextprotocol/server', '@modelcontextprotocol/client', '@modelcontextprotocol/client'],
  ])('records a call once, and what the tool does inside it (%s)', async (_version, serverFile, clientFile, transportFile) => {
    const load = createRequire(join(FRAMEWORKS, 'mcp-server/package.json'));
    const server = new (load(serverFile).McpServer)({ name: 'server', version: '1' });
    const inner = audited('inner', async () => 'done');
    server.registerTool('lookup', {}, async () => ({ content: [{ type: 'text', text: await inner() }] }));
    const [here, there] = load(transportFile).InMemoryTransport.createLinkedPair();
    await server.connect(there);
    const client = new (load(clientFile).Client)({ name: 'client', version: '1' });
    await client.connect(here);
    await session({ agent: { id: 'bot' } }, () => client.callTool({ name: 'lookup', arguments: {} }));
    const intents = recording.kind('action.intent').map(({ attributes }) => attributes);
    expect(intents.map((attributes) => attributes['gen_ai.tool.name'])).toEqual(['lookup', 'inner']);
    expect(intents[1]?.['custody.action.parent.id']).toBe(intents[0]?.['custody.action.id']);
    expect(recording.kind('session.start')).toHaveLength(1);
  });
});

describe('a task of version 1', () => {
  const { Client, InMemoryTransport } = VERSIONS[0] as (typeof VERSIONS)[number];

  async function connect(answer: object) {
    const [here, there] = InMemoryTransport.createLinkedPair();
    const hello = { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'fake', version: '1' } };
    there.onmessage = ({ id, method }: { id?: number; method: string }) => {
      if (id !== undefined) void there.send({ jsonrpc: '2.0', id, ...(method === 'initialize' ? { result: hello } : answer) });
    };
    await there.start();
    const client = new Client({ name: 'test', version: '1' });
    await client.connect(here);
    return client;
  }

  it.each([
    [{ result: { content: [] } }, 'ok'],
    [{ result: { content: [], isError: true } }, 'error'],
    [{ error: { code: -32603, message: 'broken' } }, 'error'],
  ])('that ends with %o is recorded as %s, and the stream is handed on', async (answer, status) => {
    const client = await connect(answer);
    const types: string[] = [];
    for await (const { type } of client.experimental.tasks.callToolStream({ name: 'research', arguments: { topic: 'x' } }))
      types.push(type);
    expect(types).toEqual([Object.keys(answer)[0]]);
    expect(recording.kind('action.outcome')[0]?.attributes['custody.action.status']).toBe(status);
    expect(recording.kind('action.intent')[0]?.content['gen_ai.tool.call.arguments']).toBe('{"topic":"x"}');
  });

  it.each([
    ['refused at once', { decision: 'deny', rule: 'blocked', reason: 'not here' } as const],
    ['refused by a human', { decision: 'require_approval', rule: 'large', reason: 'not here', wait: refuse } as const],
  ])('that is %s is a stream whose last message says so', async (_how, ruling) => {
    const client = await connect({ result: { content: [] } });
    configure({ guard: { decide: () => ruling } });
    const messages: { type: string; result?: { isError?: boolean } }[] = [];
    for await (const message of client.experimental.tasks.callToolStream({ name: 'research', arguments: {} })) messages.push(message);
    expect(messages.map(({ type, result }) => [type, result?.isError])).toEqual([['result', true]]);
    expect(recording.kind('action.outcome')[0]?.attributes['custody.action.status']).toBe('denied');
  });

  it('that waits for an approval is a stream that begins after it', async () => {
    const client = await connect({ result: { content: [] } });
    configure({ guard: { decide: () => ({ decision: 'require_approval', rule: 'large', wait }) } });
    const types: string[] = [];
    for await (const { type } of client.experimental.tasks.callToolStream({ name: 'research', arguments: {} })) types.push(type);
    expect(types).toEqual(['result']);
    expect(recording.kind('action.outcome')[0]?.attributes['custody.action.status']).toBe('ok');
  });

  it('whose stream nobody reads counts as closed after the idle limit', async () => {
    const client = await connect({ result: { content: [] } });
    vi.useFakeTimers();
    configure({ idleMs: 60_000 });
    session({ agent: { id: 'researcher' } }, () => ({ stream: client.experimental.tasks.callToolStream({ name: 'research' }) }));
    expect(recording.kind('session.end')).toEqual([]);
    await vi.advanceTimersByTimeAsync(61_000);
    vi.useRealTimers();
    expect(recording.kind('action.outcome')[0]?.attributes['custody.action.status']).toBe('cancelled');
    expect(recording.kind('session.end')).toHaveLength(1);
  });
});

const refusal = {
  isError: true,
  content: [{ type: 'text', text: 'The call of lookup was refused by policy (blocked): not here.' }],
};
const wait = async () => ({ go: true, approvals: [{ decision: 'approved' as const }] });
const refuse = async () => ({ go: false, reason: 'not here', approvals: [{ decision: 'denied' as const }] });
const getter = { get: (carrier: Record<string, string>, key: string) => carrier[key], keys: (carrier: object) => Object.keys(carrier) };
