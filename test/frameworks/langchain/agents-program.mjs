import { kit as coreKit } from './core-program.mjs';

/** Agents, graphs, subgraphs and supervisors as applications use them; prints what an application can observe of each. */
export async function run(modules, print = (line) => console.log(JSON.stringify(line))) {
  const parts = [agent, streamed, events, middleware, interrupted, toolNode, subgraphs, supervised, limits, structured, aborted];
  for (const part of parts) await part(kit(modules), (line) => print({ part: part.name, ...line }));
}

export function kit(modules) {
  const { langchain, langgraph, prebuilt, supervisor } = modules;
  const memory = () => new langgraph.MemorySaver();
  return { ...coreKit(modules), langchain, langgraph, prebuilt, supervisor, memory };
}

const shown = (message) => ({
  type: message.constructor.name,
  content: message.content,
  ...(message.name && { name: message.name }),
  ...(message.status && { status: message.status }),
  ...(message.tool_calls?.length && {
    calls: message.tool_calls.map(({ id, name, args }) => [name.startsWith('transfer_back') || id, name, args]),
  }),
});
const all = ({ messages }) => messages.map(shown);
const error = (caught) => ({ name: caught.name, message: caught.message.split('\n')[0], class: caught.constructor.name });
const asks = (content = 'Add.') => ({ messages: [{ role: 'user', content }] });
const thread = (id) => ({ configurable: { thread_id: id } });

async function agent({ langchain, Scripted, call, says, add, ran, memory }, print) {
  const model = new Scripted([
    says('Two sums.', call('a1', { a: 1, b: 2 }), call('a2', { a: -5 }), call('a3', {}, 'missing'), call('a4', { a: 'one' })),
    says('Done.'),
    says('Hello again.'),
  ]);
  const one = langchain.createAgent({ model, tools: [add], systemPrompt: 'You add numbers.', name: 'adder', checkpointer: memory() });
  print({ first: all(await one.invoke(asks(), thread('t-1'))), ran, sent: model.sent });
  print({ second: all(await one.invoke(asks('Hi.'), thread('t-1'))).length });
}

async function streamed({ langchain, Streaming, call, says, add }, print) {
  const steps = () => [says('Adding.', call('s1', { a: 1, b: 2 }), call('s2', { a: 2, b: 2 })), says('3 and 4.')];
  for (const streamMode of ['updates', 'values', 'messages', ['custom', 'updates']]) {
    const one = langchain.createAgent({ model: new Streaming(steps()), tools: [add] });
    const chunks = [];
    for await (const chunk of await one.stream(asks(), { streamMode }))
      chunks.push(Array.isArray(chunk) ? chunk.length : Object.keys(chunk));
    print({ streamMode, chunks });
  }
  const left = langchain.createAgent({ model: new Streaming(steps()), tools: [add] });
  for await (const chunk of await left.stream(asks(), { streamMode: 'updates' })) {
    print({ left: Object.keys(chunk) });
    break;
  }
}

async function events({ langchain, Streaming, call, says, add }, print) {
  const one = langchain.createAgent({ model: new Streaming([says('Adding.', call('e1', { a: 1 })), says('2')]), tools: [add] });
  const seen = [];
  for await (const { event, name } of one.streamEvents(asks(), { version: 'v2' })) seen.push(`${event} ${name}`);
  print({ seen });
}

async function middleware({ langchain, Scripted, call, says, add, tools, z }, print) {
  const model = new Scripted([says('', call('m1', { a: 1 }), call('m2', { a: 2 }), call('m3', { a: 3 })), says('Done.')]);
  let retried = false;
  const around = langchain.createMiddleware({
    name: 'around',
    wrapModelCall: (request, next) => next({ ...request, systemMessage: request.systemMessage.concat(' Be brief.') }),
    wrapToolCall: async (request, next) => {
      const { id } = request.toolCall;
      if (id === 'm1') return new langchain.ToolMessage({ content: 'answered in its place', tool_call_id: id });
      if (id === 'm2') return next({ ...request, toolCall: { ...request.toolCall, args: { a: 20, b: 2 } } });
      if (!retried) await next(request);
      retried = true;
      return next(request);
    },
  });
  const direct = tools.tool(async () => 'direct', { name: 'direct', description: 'Ends', schema: z.object({}), returnDirect: true });
  const one = langchain.createAgent({ model, tools: [add, direct], systemPrompt: 'You add.', middleware: [around] });
  print({ messages: all(await one.invoke(asks())) });
  const ending = langchain.createAgent({ model: new Scripted([says('', call('d1', {}, 'direct'))]), tools: [direct] });
  print({ direct: all(await ending.invoke(asks())) });
}

async function interrupted({ langchain, langgraph, Scripted, call, says, add, tools, z, memory }, print) {
  const ask = tools.tool(async ({ question }) => `human: ${langgraph.interrupt(question)}`, {
    name: 'ask',
    description: 'Asks a human',
    schema: z.object({ question: z.string() }),
  });
  const model = new Scripted([says('I must ask.', call('i1', { question: 'Why?' }, 'ask')), says('I see.')]);
  const one = langchain.createAgent({ model, tools: [ask], checkpointer: memory() });
  const first = await one.invoke(asks(), thread('t-2'));
  print({ paused: first.__interrupt__.map(({ value }) => value) });
  print({ resumed: all(await one.invoke(new langgraph.Command({ resume: 'because' }), thread('t-2'))) });
  const approving = langchain.createAgent({
    model: new Scripted([says('May I?', call('i2', { a: 1 }), call('i3', { a: 2 })), says('Done.')]),
    tools: [add],
    checkpointer: memory(),
    middleware: [langchain.humanInTheLoopMiddleware({ interruptOn: { add: { allowedDecisions: ['approve', 'reject'] } } })],
  });
  const waiting = await approving.invoke(asks(), thread('t-3'));
  print({ waiting: waiting.__interrupt__[0].value.actionRequests.map(({ name, args }) => [name, args]) });
  const decisions = [{ type: 'approve' }, { type: 'reject', message: 'not that one' }];
  print({ decided: all(await approving.invoke(new langgraph.Command({ resume: { decisions } }), thread('t-3'))) });
}

async function toolNode({ prebuilt, messages, tools, z, call, says, add, langgraph }, print) {
  const runnable = tools.tool(async ({ a }) => a, { name: 'own', description: 'Its own', schema: z.object({ a: z.number() }) });
  class Own {
    name = 'own_class';
    description = 'No class of the framework';
    schema = z.object({});
    async invoke(input) {
      return `own ${JSON.stringify(input.args)}`;
    }
  }
  const node = new prebuilt.ToolNode([add, runnable, new Own()]);
  const asked = says(
    'By hand.',
    call('n1', { a: 1 }),
    call('n2', { a: 2 }, 'own'),
    call('n3', { x: 1 }, 'own_class'),
    call('n4', {}, 'none'),
  );
  print({ alone: all(await node.invoke({ messages: [asked] })) });
  const graph = new langgraph.StateGraph(langgraph.MessagesAnnotation).addNode('tools', node).addEdge('__start__', 'tools').compile();
  print({ inside: all(await graph.invoke({ messages: [new messages.HumanMessage('hi'), says('In a graph.', call('n5', { a: 3 }))] })) });
}

async function subgraphs({ langchain, langgraph, Scripted, call, says, add }, print) {
  const model = (id, words) => new Scripted([says(words, call(id, { a: 1 })), says('Done.')]);
  const inner = langchain.createAgent({ model: model('g1', 'Inner.'), tools: [add], systemPrompt: 'You are inner.', name: 'inner' });
  const plain = new langgraph.StateGraph(langgraph.MessagesAnnotation)
    .addNode('note', () => ({ messages: [says('noted')] }))
    .addEdge('__start__', 'note')
    .compile();
  const outer = new langgraph.StateGraph(langgraph.MessagesAnnotation)
    .addNode('inner', inner.graph)
    .addNode('plain', plain)
    .addNode('by_function', async (state) => {
      const other = langchain.createAgent({ model: model('g2', 'Other.'), tools: [add], name: 'other' });
      const { messages } = await other.invoke(state);
      return { messages: messages.slice(-1) };
    })
    .addEdge('__start__', 'inner')
    .addEdge('inner', 'plain')
    .addEdge('plain', 'by_function')
    .compile({ name: 'outer' });
  print({ messages: all(await outer.invoke(asks(), thread('t-4'))) });
}

async function supervised({ langgraph, prebuilt, supervisor, Scripted, call, says, add }, print) {
  const worker = prebuilt.createReactAgent({
    llm: new Scripted([says('Summing.', call('w1', { a: 20, b: 22 })), says('It is 42.')]),
    tools: [add],
    name: 'math_expert',
    prompt: 'You do math.',
  });
  const boss = new Scripted([says('', call('v1', {}, 'transfer_to_math_expert')), says('42, says the expert.')]);
  const app = supervisor.createSupervisor({ agents: [worker], llm: boss, prompt: 'You lead.' }).compile({ name: 'team' });
  print({ messages: all(await app.invoke(asks('20 + 22?'))), sent: boss.sent, langgraph: typeof langgraph.END });
}

async function limits({ langchain, Scripted, call, says, add }, print) {
  const endless = new Scripted(Array.from({ length: 20 }, (_, at) => says('', call(`l${at}`, { a: at }))));
  const one = langchain.createAgent({ model: endless, tools: [add] });
  await one.invoke(asks(), { recursionLimit: 4 }).catch((caught) => print(error(caught)));
  const broken = langchain.createAgent({ model: new Scripted([new TypeError('the provider is down')]), tools: [add] });
  await broken.invoke(asks()).catch((caught) => print(error(caught)));
}

async function structured({ langchain, Scripted, call, says, add, z }, print) {
  const model = new Scripted([says('', call('x1', { a: 1 })), says('', call('x2', { total: 2 }, 'extract-1'))]);
  const format = langchain.toolStrategy(z.object({ total: z.number() }));
  const one = langchain.createAgent({ model, tools: [add], responseFormat: format });
  const result = await one.invoke(asks()).catch((caught) => error(caught));
  print({ structured: result.structuredResponse ?? result });
}

async function aborted({ langchain, Scripted, call, says, tools, z }, print) {
  const controller = new AbortController();
  const slow = tools.tool(
    (_input, config) =>
      new Promise((_resolve, reject) => {
        config.signal.addEventListener('abort', () => reject(config.signal.reason));
        setImmediate(() => controller.abort());
      }),
    { name: 'slow', description: 'Waits', schema: z.object({}) },
  );
  const one = langchain.createAgent({ model: new Scripted([says('', call('b1', {}, 'slow')), says('Done.')]), tools: [slow] });
  await one.invoke(asks(), { signal: controller.signal }).catch((caught) => print({ thrown: caught.name }));
}
