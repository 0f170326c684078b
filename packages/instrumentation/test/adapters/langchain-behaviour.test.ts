import { fingerprintDigest, systemPromptValue, toolsValue } from '@agent-custody/chain';
import { trace } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { shutDownSessions } from '../../src/exit.js';
import { configure } from '../../src/global.js';
import type { Guard } from '../../src/guard.js';
import { nodeHashing } from '../../src/hashing.js';
import { session } from '../../src/session.js';
import { deferred, findings, kinds, type Recording, record } from '../support/recording.js';
import { loadLangchain } from './support/langchain.js';

const { langchain, langgraph, prebuilt, messages, tools, models, z, Scripted, Streaming, call, says, add, memory } = await loadLangchain();

let recording: Recording;
beforeEach(() => {
  recording = record();
});
afterEach(async () => {
  shutDownSessions();
  expect(findings(recording.links())).toEqual([]);
  await recording.stop();
});

const asks = (content = 'Add.') => ({ messages: [{ role: 'user', content }] });
const agent = (steps: unknown[], options: object = {}) => langchain.createAgent({ model: new Scripted(steps), tools: [add], ...options });
const digestOf = (component: string, value: unknown) => fingerprintDigest(component, value, nodeHashing);
const ends = () => recording.kind('session.end').map(({ attributes }) => attributes['custody.session.outcome']);
const statuses = () => recording.kind('action.outcome').map(({ attributes }) => attributes['custody.action.status']);
const starts = () => recording.kind('session.start').map(({ attributes }) => attributes);
const denial: Guard = { decide: () => ({ decision: 'deny', rule: 'blocked', reason: 'not here' }) };
const refusal = (tool: string) => `The call of ${tool} was refused by policy (blocked): not here.`;
const told = (result: { messages: { type: string; status?: string; content: unknown }[] }) =>
  result.messages.filter(({ type }) => type === 'tool').map(({ status, content }) => [status, content]);
const tool = (name: string, run: (...args: never[]) => unknown, more: object = {}) =>
  tools.tool(run, { name, description: name, schema: z.object({}), ...more });
const mustNotRun = (): never => {
  throw new Error('it ran');
};

describe('a call that a policy refuses', () => {
  beforeEach(() => configure({ guard: denial }));

  it('is told to the model as a message of status error, and the run goes on', async () => {
    const one = agent([says('', call('v1', {}, 'no')), says('Then not.')], { tools: [tool('no', mustNotRun)] });
    const result = await one.invoke(asks());
    expect(told(result)).toEqual([['error', refusal('no')]]);
    expect(result.messages.at(-1).content).toBe('Then not.');
    expect(statuses()).toEqual(['denied']);
  });

  it('does not end the run where a middleware is around the tools, nor where the tool returns directly', async () => {
    const around = langchain.createMiddleware({
      name: 'around',
      wrapToolCall: (request: unknown, next: (one: unknown) => unknown) => next(request),
    });
    const direct = tool('direct', mustNotRun, { returnDirect: true });
    const steps = () => [says('', call('v2', {}, 'direct')), says('Then not.')];
    for (const middleware of [[], [around]]) {
      const result = await agent(steps(), { tools: [direct], middleware }).invoke(asks());
      expect(result.messages.at(-1).content).toBe('Then not.');
    }
    expect(statuses()).toEqual(['denied', 'denied']);
  });

  it('keeps the shape of a tool that answers content and artifact', async () => {
    const both = tool('both', mustNotRun, { responseFormat: 'content_and_artifact' });
    const result = await both.invoke(call('v3', {}, 'both'));
    expect([result.status, result.content]).toEqual(['error', refusal('both')]);
  });

  it('is thrown at an application that calls the tool without a call of a model', async () => {
    await expect(tool('no', mustNotRun).invoke({})).rejects.toThrow(refusal('no'));
  });

  it('does not run a tool whose class cannot be patched', async () => {
    class Frozen extends tools.StructuredTool {
      name = 'frozen';
      description = 'Cannot be changed';
      schema = z.object({});
      _call = mustNotRun;
    }
    const result = await Object.freeze(new Frozen()).invoke(call('v5', {}, 'frozen'));
    expect([result.status, result.content, statuses()]).toEqual(['error', refusal('frozen'), ['denied']]);
  });

  it('does not run a tool that is of no class of the framework either', async () => {
    const own = { name: 'own', description: 'Own', schema: z.object({}), invoke: mustNotRun };
    const node = new prebuilt.ToolNode([own]);
    expect(told(await node.invoke({ messages: [says('', call('v4', {}, 'own'))] }))).toEqual([['error', refusal('own')]]);
  });
});

it('waits for an approval that a policy requires before the tool runs', async () => {
  const asked = deferred<{ go: boolean; approvals: { decision: 'approved'; approver: string }[] }>();
  configure({ guard: { decide: () => ({ decision: 'require_approval', rule: 'large', wait: () => asked.promise }) } });
  const ran: string[] = [];
  const run = agent([says('', call('w1', {}, 'pay')), says('Paid.')], { tools: [tool('pay', () => `${ran.push('paid')}`)] }).invoke(asks());
  await expect.poll(() => recording.kind('action.intent').length).toBe(1);
  expect(ran).toEqual([]);
  asked.resolve({ go: true, approvals: [{ decision: 'approved', approver: 'bob@example.com' }] });
  await run;
  expect([ran, statuses()]).toEqual([['paid'], ['ok']]);
});

describe('what the model is sent', () => {
  const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };

  it('is measured as the provider gets it', async () => {
    const weather = tool('weather', () => 'sunny', { description: 'Tells the weather', schema });
    await agent([says('Hi.')], { tools: [weather], systemPrompt: 'You know the weather.' }).invoke(asks('Hi.'));
    expect(starts()[0]).toMatchObject({
      'custody.fingerprint.system_prompt': digestOf('system_prompt', systemPromptValue('You know the weather.')),
      'custody.fingerprint.tools': digestOf(
        'tools',
        toolsValue([{ name: 'weather', description: 'Tells the weather', parameters: schema }]),
      ),
      'custody.fingerprint.model': digestOf('model', { provider: 'acme', name: 'scripted-1' }),
    });
  });

  it.each([
    ['OpenAI', { type: 'function', function: { name: 'w', description: 'd', parameters: schema } }],
    ["OpenAI's Responses", { type: 'function', name: 'w', description: 'd', parameters: schema }],
    ['Anthropic', { name: 'w', description: 'd', input_schema: schema }],
    ['Google', { functionDeclarations: [{ name: 'w', description: 'd', parameters: schema }] }],
    ['Bedrock', { toolSpec: { name: 'w', description: 'd', inputSchema: { json: schema } } }],
  ])('is the same tool in the words of %s', async (_provider, sent) => {
    await new Scripted([says('Hi.')]).withConfig({ tools: [sent] }).invoke('Hi.');
    const same = toolsValue([{ name: 'w', description: 'd', parameters: schema }]);
    expect(starts()[0]?.['custody.fingerprint.tools']).toBe(digestOf('tools', same));
  });

  it('tells a tool whose zod schema changed from what it was, though the model takes it unconverted', async () => {
    for (const own of [z.object({ a: z.string() }), z.object({ a: z.string(), b: z.string() })]) {
      await session({ agent: { id: 'one' } }, () =>
        new Scripted([says('Hi.')]).withConfig({ tools: [tool('t', () => '', { schema: own })] }).invoke('Hi.'),
      );
    }
    const [first, second] = starts().map((start) => start['custody.fingerprint.tools']);
    expect(first).not.toBe(second);
  });

  it('announces a prompt that a middleware changes before the call that it leads to', async () => {
    let turn = 0;
    const changing = langchain.dynamicSystemPromptMiddleware(() => `Turn ${turn++}.`);
    const one = agent([says('', call('t1', { a: 1 })), says('', call('t2', { a: 1 })), says('Done.')], { middleware: [changing] });
    await one.invoke(asks());
    expect(kinds(recording.links()).slice(0, 6)).toEqual([
      'session.start',
      'action.intent',
      'action.outcome',
      'fingerprint.change',
      'action.intent',
      'action.outcome',
    ]);
  });

  it('is not counted again when the answer comes from a cache', async () => {
    const { InMemoryCache } = await import('node:module').then(({ createRequire }) =>
      createRequire(new URL('../../../../test/frameworks/langchain/package.json', import.meta.url))('@langchain/core/caches'),
    );
    const model = new Scripted([says('Once.')], { cache: new InMemoryCache() });
    const answers = await Promise.all([await model.invoke('Hi.'), await model.invoke('Hi.')]);
    expect(answers.map(({ content }: { content: string }) => content)).toEqual(['Once.', 'Once.']);
    expect([model.at, starts().length]).toEqual([1, 1]);
  });
});

describe('reasons', () => {
  const reasonOf = () => {
    const [intent] = recording.kind('action.intent');
    return [intent?.attributes['custody.action.reason.source'], intent?.content['custody.action.reason']];
  };
  const one = call('r1', { a: 1 });
  it.each([
    [
      'text before thinking',
      says(
        [
          { type: 'thinking', thinking: 'Hidden.' },
          { type: 'text', text: 'Said.' },
        ],
        one,
      ),
      ['text', 'Said.'],
    ],
    ['thinking blocks', says([{ type: 'thinking', thinking: 'Hidden.' }], one), ['thinking', 'Hidden.']],
    ['reasoning blocks of version 1', says([{ type: 'reasoning', reasoning: 'Hidden.' }], one), ['thinking', 'Hidden.']],
    [
      'reasoning beside the content',
      new messages.AIMessage({ content: '', tool_calls: [one], additional_kwargs: { reasoning_content: 'Hidden.' } }),
      ['thinking', 'Hidden.'],
    ],
    ['thinking that is handed out encrypted only', says([{ type: 'redacted_thinking', data: 'c2VjcmV0' }], one), ['encrypted', 'c2VjcmV0']],
    [
      'reasoning items that are encrypted',
      new messages.AIMessage({
        content: '',
        tool_calls: [one],
        additional_kwargs: { reasoning: { summary: [], encrypted_content: 'c2VjcmV0' } },
      }),
      ['encrypted', 'c2VjcmV0'],
    ],
    [
      'the words before the call, where calls are among them',
      says(
        [
          { type: 'text', text: 'First. ' },
          { type: 'tool_use', id: 'r1', name: 'add', input: {} },
          { type: 'text', text: 'Then.' },
        ],
        one,
      ),
      ['text', 'First. '],
    ],
  ])('are taken from %s', async (_name, message, expected) => {
    await agent([message, says('Done.')]).invoke(asks());
    expect(reasonOf()).toEqual(expected);
  });

  it('are the same of a stream', async () => {
    const model = new Streaming([says([{ type: 'text', text: 'Streamed.', index: 0 }], one), says('Done.')]);
    for await (const _ of await langchain.createAgent({ model, tools: [add] }).stream(asks(), { streamMode: 'messages' }));
    expect(reasonOf()).toEqual(['text', 'Streamed.']);
  });
});

it("makes the application's spans inside a tool children of the tool's", async () => {
  const traced = tool('traced', async () => trace.getTracer('app').startActiveSpan('inside', (span) => void span.end()));
  await agent([says('', call('n1', {}, 'traced')), says('Done.')], { tools: [traced] }).invoke(asks());
  const spanOf = (name: string) => recording.spans().find((span) => span.name === name);
  expect(spanOf('inside')?.parentSpanContext?.spanId).toBe(spanOf('execute_tool traced')?.spanContext().spanId);
});

it('runs 64 calls of one message in one chain, all at once', async () => {
  let running = 0;
  const all = deferred<void>();
  const meet = tool('meet', async () => {
    if (++running === 64) all.resolve();
    await all.promise;
    return 'met';
  });
  const asked = Array.from({ length: 64 }, (_, at) => call(`m${at}`, {}, 'meet'));
  await agent([says('', ...asked), says('Met.')], { tools: [meet] }).invoke(asks());
  expect(recording.kind('action.intent')).toHaveLength(64);
  expect(new Set(recording.links().map((link) => link.session)).size).toBe(1);
});

it('keeps runs apart that go on at the same time with the same call ids', async () => {
  await Promise.all(['one', 'two', 'three'].map((words) => agent([says(words, call('same', { a: 1 })), says('2')]).invoke(asks())));
  const reasons = recording.kind('action.intent').map(({ content }) => content['custody.action.reason']);
  expect(reasons.sort()).toEqual(['one', 'three', 'two']);
  expect(ends()).toEqual(['completed', 'completed', 'completed']);
});

it('joins the session that the application opened, and says its thread there', async () => {
  await session({ agent: { id: 'outer' } }, () =>
    agent([says('', call('a1', { a: 1 })), says('2')], { checkpointer: memory() }).invoke(asks(), { configurable: { thread_id: 't-9' } }),
  );
  expect(starts()).toHaveLength(1);
  expect(starts()[0]).toMatchObject({ 'gen_ai.agent.id': 'outer', 'gen_ai.conversation.id': 't-9' });
});

it('makes an agent that runs inside a tool of another one its child', async () => {
  const inner = agent([says('', call('i1', { a: 1 })), says('2')], { name: 'inner' });
  const ask = tool('ask', async () => (await inner.invoke(asks())).messages.at(-1).content);
  await agent([says('', call('o1', {}, 'ask')), says('2')], { tools: [ask], name: 'outer' }).invoke(asks());
  const [outer] = starts();
  expect(starts()[1]).toMatchObject({ 'gen_ai.agent.name': 'inner', 'custody.parent.session.id': outer?.['custody.session.id'] });
});

it('puts a tool that ran out of time down as timeout', async () => {
  const slow = tool('slow', () => new Promise(() => undefined));
  await expect(slow.invoke({}, { timeout: 5 })).rejects.toThrow();
  expect(statuses()).toEqual(['timeout']);
});

it('ends a stream that nobody reads as completed, since the graph runs on by itself', async () => {
  const stream = await agent([says('', call('s1', { a: 1 })), says('2')]).stream(asks(), { streamMode: 'updates' });
  await expect.poll(ends).toEqual(['completed']);
  expect([stream.locked, statuses()]).toEqual([false, ['ok']]);
});

it('ends a stream that its reader leaves in the middle of a tool as cancelled, once the tool has ended', async () => {
  const begun = deferred<void>();
  const slow = tool('slow', (_input: never, { signal }: { signal: AbortSignal }) => {
    begun.resolve();
    return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  });
  const stream = await agent([says('', call('s1', {}, 'slow')), says('2')], { tools: [slow] }).stream(asks(), { streamMode: 'updates' });
  await stream.next();
  await begun.promise;
  await stream.cancel();
  await expect.poll(ends).toEqual(['cancelled']);
  expect(statuses()).toEqual(['cancelled']);
});

it('ends a subgraph that is left by a command to its parent as completed', async () => {
  const leaving = new langgraph.StateGraph(langgraph.MessagesAnnotation)
    .addNode('go', () => new langgraph.Command({ goto: 'after', graph: langgraph.Command.PARENT }))
    .addEdge('__start__', 'go')
    .compile({ name: 'leaving' });
  const outer = new langgraph.StateGraph(langgraph.MessagesAnnotation)
    .addNode('inner', leaving, { ends: ['after'] })
    .addNode('after', () => ({}))
    .addEdge('__start__', 'inner')
    .compile({ name: 'parent' });
  await outer.invoke({ messages: [] });
  expect(ends()).toEqual(['completed', 'completed']);
});

it('leaves a model what it is: its own fields, private ones too, its class, and what it is compared by', async () => {
  class Own extends models.SimpleChatModel {
    #secret = 'kept';
    _llmType() {
      return 'own';
    }
    async _call() {
      return `${this.#secret} ${this instanceof Own} ${this.constructor === Own}`;
    }
  }
  expect((await (Reflect.construct(Own, [{}]) as Own).invoke('Hi.')).content).toBe('kept true true');
});

it('records each call of a tool once, however it is called and whatever class of its own it has', async () => {
  class Base extends tools.StructuredTool {
    name = 'own';
    description = 'Own';
    schema = z.object({ a: z.number() });
    async _call({ a }: { a: number }) {
      return `base ${a}`;
    }
  }
  class Own extends Base {
    override async _call(input: { a: number }) {
      return `own ${await super._call(input)}`;
    }
  }
  const own = new Own();
  const config = { metadata: {} };
  expect(
    await Promise.all([own.invoke({ a: 1 }), own.call({ a: 2 }, config), own.call({ a: 3 }, config), new Base().invoke({ a: 4 })]),
  ).toEqual(['own base 1', 'own base 2', 'own base 3', 'base 4']);
  expect(recording.kind('action.intent').map(({ content }) => content['gen_ai.tool.call.arguments'])).toEqual([
    '{"a":1}',
    '{"a":2}',
    '{"a":3}',
    '{"a":4}',
  ]);
});

it('records a tool whose class runs by a call of its own, once, whether or not that goes through the framework', async () => {
  class Aside extends tools.StructuredTool {
    name = 'aside';
    description = 'Goes its own way';
    schema = z.object({ a: z.number() });
    async call({ a }: { a: number }) {
      return `aside ${a}`;
    }
    async _call(): Promise<unknown> {
      return undefined;
    }
  }
  class Through extends Aside {
    override name = 'through';
    override call(...args: [never]) {
      return tools.StructuredTool.prototype.call.apply(this, args);
    }
    override async _call() {
      return 'through';
    }
  }
  const asked = says('', call('c1', { a: 1 }, 'aside'), call('c2', { a: 2 }, 'through'));
  const result = await agent([asked, says('Done.')], { tools: [new Aside(), new Through()] }).invoke(asks());
  expect(told(result).map(([, content]) => content)).toEqual(['aside 1', 'through']);
  expect(recording.kind('action.intent').map(({ attributes }) => attributes['gen_ai.tool.call.id'])).toEqual(['c1', 'c2']);
  expect(recording.kind('attestation')[0]?.attributes).toMatchObject({
    'custody.attestation.requested': 2,
    'custody.attestation.executed': 2,
  });
});
