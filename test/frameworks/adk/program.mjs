import { AsyncLocalStorage } from 'node:async_hooks';
import { session } from '@agent-custody/instrumentation';
import { trace } from '../../../packages/instrumentation/test/fixtures/tracing.mjs';

export const text = (words) => ({ text: words });
export const thought = (words) => ({ text: words, thought: true });
export const call = (id, args, name = 'add') => ({ functionCall: { ...(id && { id }), name, args } });

/** What the programs on ADK share: agents with a model that answers from a script. */
export function kit(adk, z) {
  class Scripted extends adk.BaseLlm {
    #steps;
    requests = [];

    constructor(steps, model = 'scripted') {
      super({ model });
      this.#steps = [...steps];
    }

    async *generateContentAsync(request, stream) {
      const { systemInstruction, tools } = request.config;
      this.requests.push({ systemInstruction, tools, contents: request.contents });
      const step = this.#steps.shift();
      const parts = typeof step === 'function' ? step() : step;
      if (stream) for (const part of parts) if (part.text) yield { content: { role: 'model', parts: [part] }, partial: true };
      yield { content: { role: 'model', parts } };
    }
  }
  const numbers = z.object({ a: z.number(), b: z.number().default(5) });
  const tool = (name, execute, more) =>
    new adk.FunctionTool({ name, description: `Tool ${name}`, parameters: z.object({}), execute, ...more });
  const add = tool('add', async ({ a, b }) => a + b, { parameters: numbers });
  const agentOf = (steps, more) =>
    new adk.LlmAgent({ name: 'adder', description: 'Adds', instruction: 'You add numbers.', model: new Scripted(steps), ...more });
  const newMessage = { role: 'user', parts: [{ text: 'Add.' }] };
  const events = async function* (agent, options) {
    const runner = new adk.InMemoryRunner({ agent, appName: 'sums' });
    const { id: sessionId } = await runner.sessionService.createSession({ appName: 'sums', userId: 'u', ...options?.session });
    yield* runner.runAsync({ userId: 'u', sessionId, newMessage, ...options });
  };
  const shown = ({ author, content, errorCode, errorMessage, partial }) => [
    author,
    ...(partial ? ['partial'] : []),
    ...(errorCode ? [errorCode, errorMessage] : []),
    ...(content?.parts ?? []).map((part) => part.functionResponse?.response ?? part.functionCall?.name ?? part.text),
  ];
  const converse = async (agent, options) => {
    const said = [];
    for await (const event of events(agent, options)) said.push(shown(event));
    return said;
  };
  return { adk, Scripted, tool, add, agentOf, events, converse, shown, z };
}

/** One program that does what applications do with agents: it prints everything that an application can observe. */
export async function run(adk, z, print = (line) => console.log(JSON.stringify(line))) {
  adk.setLogLevel?.(adk.LogLevel?.ERROR);
  const parts = [generating, streaming, thinking, unnamed, refusing, callbacks, failing, unknown, confirming, aborting, timingOut];
  for (const part of [...parts, leaving, transferring, sequence, parallel, asTool, ownTool, nesting, grouping, conversing]) {
    await part(kit(adk, z), (line) => print({ part: part.name, ...line }));
  }
}

async function generating({ add, agentOf, converse }, print) {
  const agent = agentOf([[text('Two sums.'), call('c1', { a: 1, b: 2 }), call('c2', { a: 3 })], [text('Done.')]], { tools: [add] });
  print({
    said: await converse(agent),
    requests: agent.model.requests.map(({ systemInstruction, tools }) => ({ systemInstruction, tools })),
  });
}

async function streaming({ adk, add, agentOf, converse }, print) {
  const agent = agentOf([[text('Streaming.'), call('s1', { a: 1, b: 2 })], [text('3')]], { tools: [add] });
  print({ said: await converse(agent, { runConfig: { streamingMode: adk.StreamingMode.SSE } }) });
}

async function thinking({ add, agentOf, converse }, print) {
  const signed = { ...call('t2', { a: 2, b: 2 }), thoughtSignature: 'c2VjcmV0' };
  const steps = [[thought('I must add.'), call('t1', { a: 1, b: 2 })], [signed], [text('3 and 4')]];
  print({ said: await converse(agentOf(steps, { tools: [add] })) });
}

/** The model gives no ids: the framework does. */
async function unnamed({ agentOf, converse, tool }, print) {
  const anonymous = tool('anonymous', () => 'ran');
  print({ said: await converse(agentOf([[text('No id.'), call(undefined, {}, 'anonymous')], [text('over')]], { tools: [anonymous] })) });
}

async function refusing({ add, agentOf, converse, tool }, print) {
  const pay = tool('pay', () => 'paid');
  print({ said: await converse(agentOf([[call('r1', {}, 'pay'), call('r2', { a: 1, b: 1 })], [text('over')]], { tools: [pay, add] })) });
}

/** The application's own callbacks see what they always see, and what they answer does not run. */
async function callbacks({ add, agentOf, converse }, print) {
  const seen = [];
  const more = {
    tools: [add],
    beforeToolCallback: ({ tool, args }) => {
      seen.push(['before', tool.name, args]);
      return args.a < 0 ? { refused: true } : undefined;
    },
    afterToolCallback: ({ response }) => void seen.push(['after', response]),
  };
  const said = await converse(agentOf([[call('h1', { a: 1, b: 2 }), call('h2', { a: -1, b: 2 })], [text('over')]], more));
  const canned = agentOf([], { tools: [add], beforeModelCallback: () => ({ content: { role: 'model', parts: [{ text: 'not asked' }] } }) });
  print({ seen, said, canned: await converse(canned) });
}

async function failing({ agentOf, converse, tool }, print) {
  const bad = tool('bad', () => Promise.reject(new RangeError('no such number')));
  print({ said: await converse(agentOf([[call('f1', {}, 'bad')], [text('over')]], { tools: [bad] })) });
  const broken = () => {
    throw new TypeError('the provider is down');
  };
  print({ said: await converse(agentOf([[call('f2', {}, 'bad')], broken], { tools: [bad] })) });
}

async function unknown({ add, agentOf, converse }, print) {
  print({ said: await converse(agentOf([[call('u1', { a: 'x' }), call('u2', {}, 'nothing')], [text('over')]], { tools: [add] })) });
}

async function confirming({ agentOf, converse, tool }, print) {
  const settle = tool('settle', () => 'paid', { requireConfirmation: true });
  print({ said: await converse(agentOf([[call('g1', {}, 'settle')], [text('over')]], { tools: [settle] })) });
}

async function aborting({ agentOf, converse, tool }, print) {
  const controller = new AbortController();
  const stop = tool('stop', (_input, context) => {
    controller.abort();
    context.abortSignal?.throwIfAborted();
    return 'went on';
  });
  const agent = agentOf([[call('a1', {}, 'stop')], [text('never')]], { tools: [stop] });
  print({ said: await converse(agent, { abortSignal: controller.signal }) });
}

async function timingOut({ agentOf, converse, tool }, print) {
  const slow = tool('slow', () => Promise.reject(new DOMException('took too long', 'TimeoutError')));
  print({ said: await converse(agentOf([[call('o1', {}, 'slow')], [text('over')]], { tools: [slow] })) });
}

async function leaving({ add, agentOf, events, shown }, print) {
  for await (const event of events(agentOf([[call('b1', { a: 1, b: 2 })], [text('3')]], { tools: [add] }))) {
    print({ said: shown(event) });
    break;
  }
}

async function transferring({ add, agentOf, converse }, print) {
  const helper = agentOf([[text('For you.'), call('d2', { a: 1, b: 2 })], [text('3')]], { name: 'helper', tools: [add] });
  const steps = [[text('Helper does it.'), call('d1', { agentName: 'helper' }, 'transfer_to_agent')]];
  print({ said: await converse(agentOf(steps, { name: 'chief', subAgents: [helper] })) });
}

async function sequence({ adk, add, agentOf, converse }, print) {
  const first = agentOf([[call('q1', { a: 1, b: 2 })], [text('3')]], { name: 'first', tools: [add] });
  const second = agentOf([[call('q2', { a: 3, b: 4 })], [text('7')]], { name: 'second', tools: [add] });
  print({ said: await converse(new adk.SequentialAgent({ name: 'both', subAgents: [first, second] })) });
}

async function parallel({ adk, agentOf, converse, tool }, print) {
  const here = [];
  const meeting = new Promise((resolve) => here.push(resolve));
  const meet = tool('meet', async () => {
    if (here.push(0) === 3) here[0]();
    await meeting;
    return 'met';
  });
  const subAgents = ['p1', 'p2'].map((id) => agentOf([[call(id, {}, 'meet')], [text('over')]], { name: `agent_${id}`, tools: [meet] }));
  print({ said: (await converse(new adk.ParallelAgent({ name: 'all', subAgents }))).sort() });
}

async function asTool({ adk, add, agentOf, converse }, print) {
  const inner = agentOf([[text('Inside.'), call('i2', { a: 1, b: 2 })], [text('3')]], { name: 'inner', tools: [add] });
  const outer = agentOf([[call('i1', { request: 'Add 1 and 2.' }, 'inner')], [text('It is 3.')]], {
    name: 'outer',
    tools: [new adk.AgentTool({ agent: inner })],
  });
  print({ said: await converse(outer) });
}

/** A class of the application's own, and a tool that cannot be changed. */
async function ownTool({ adk, agentOf, converse, tool }, print) {
  class Secret extends adk.BaseTool {
    #answer = 42;

    _getDeclaration() {
      return { name: this.name, description: this.description, parameters: { type: 'OBJECT', properties: {} } };
    }

    async runAsync() {
      return { answer: this.#answer };
    }
  }
  const frozen = Object.freeze(tool('frozen', () => 'cold'));
  const tools = [new Secret({ name: 'secret', description: 'A secret' }), frozen];
  print({ said: await converse(agentOf([[call('w1', {}, 'secret'), call('w2', {}, 'frozen')], [text('over')]], { tools })) });
}

async function nesting({ agentOf, converse, tool }, print) {
  const scope = new AsyncLocalStorage();
  const look = tool('look', () =>
    trace.getTracer('app').startActiveSpan('inside the tool', (span) => {
      span.end();
      return scope.getStore();
    }),
  );
  print({ said: await scope.run('mine', () => converse(agentOf([[call('l1', {}, 'look')], [text('seen')]], { tools: [look] }))) });
}

async function grouping({ add, agentOf, converse }, print) {
  const said = await session({ agent: { id: 'grouped' } }, async () => [
    await converse(agentOf([[call('k1', { a: 1, b: 2 })], [text('3')]], { tools: [add] })),
    await converse(agentOf([[call('k2', { a: 3, b: 4 })], [text('7')]], { tools: [add] })),
  ]);
  print({ said });
}

async function conversing({ add, agentOf, converse }, print) {
  const agent = agentOf([[call('v1', { a: 1, b: 2 })], [text('3')]], { tools: [add] });
  print({ said: await converse(agent, { session: { sessionId: 'conversation-7' } }) });
}
