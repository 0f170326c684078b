import { AsyncLocalStorage } from 'node:async_hooks';
import { session } from '@agent-custody/instrumentation';
import { kit as aiKit } from '../../../packages/instrumentation/test/fixtures/ai-program.mjs';
import { trace } from '../../../packages/instrumentation/test/fixtures/tracing.mjs';

/** What the programs on Mastra share: agents with a model that answers from a script. */
export function kit({ ai, fakes, agent: { Agent }, tools: { createTool }, z }) {
  const { model, call, text, thought } = aiKit(ai, fakes);
  const numbers = z.object({ a: z.number(), b: z.number() });
  const tool = (id, execute, more) => createTool({ id, description: `Tool ${id}`, inputSchema: z.object({}), execute, ...more });
  const add = tool('add', async ({ a, b }) => a + b, { inputSchema: numbers });
  const agentOf = (steps, more) =>
    new Agent({ id: 'adder', name: 'Adder', instructions: 'You add numbers.', model: model(steps), ...more });
  return { Agent, createTool, model, call, text, thought, tool, add, agentOf, z };
}

/** One program that does what applications do with agents: it prints everything that an application can observe. */
export async function run(modules, print = (line) => console.log(JSON.stringify(line))) {
  const parts = [generating, streaming, thinking, parallel, refusing, hooks, stepping, failing, unknown, approving];
  for (const part of [...parts, aborting, timingOut, halfRead, delegating, nesting, grouping, threads]) {
    await part(kit(modules), (line) => print({ part: part.name, ...line }), modules);
  }
}

const results = (steps) =>
  steps.map(({ toolResults }) => toolResults.map(({ payload }) => [payload.toolName, payload.result ?? null, payload.isError ?? false]));

async function generating({ add, agentOf, call, text }, print) {
  const agent = agentOf([[text('Two sums.'), call('c1', { a: 1, b: 2 }), call('c2', { a: 3, b: 4 })], [text('Done.')]], { tools: { add } });
  const { text: said, steps, finishReason } = await agent.generate('Add.');
  print({ said, finishReason, results: results(steps), name: agent.name });
}

async function streaming({ add, agentOf, call, text }, print) {
  const agent = agentOf([[text('Streaming.'), call('s1', { a: 1, b: 2 })], [text('3')]], { tools: { add } });
  const stream = await agent.stream('Add.');
  const types = [];
  for await (const { type } of stream.fullStream) types.push(type);
  print({ types, said: await stream.text });
  const second = await agentOf([[call('s2', { a: 2, b: 2 })], [text('4')]], { tools: { add } }).stream('Add.');
  let words = '';
  for await (const word of second.textStream) words += word;
  print({ words, reason: await second.finishReason });
}

async function thinking({ add, agentOf, call, text, thought }, print) {
  const steps = [[thought('I must add.'), call('t1', { a: 1, b: 2 })], [call('t2', { a: 2, b: 2 })], [text('3 and 4')]];
  print({ said: (await agentOf(steps, { tools: { add } }).generate('Add.')).text });
}

async function parallel({ agentOf, call, text, tool }, print) {
  const here = [];
  const meeting = new Promise((resolve) => here.push(resolve));
  const meet = tool('meet', async () => {
    if (here.push(0) === 3) here[0]();
    await meeting;
    return 'met';
  });
  const { steps } = await agentOf([[call('p1', {}, 'meet'), call('p2', {}, 'meet')], [text('over')]], { tools: { meet } }).generate(
    'Meet.',
  );
  print({ results: results(steps) });
}

async function refusing({ add, agentOf, call, model, text, tool }, print) {
  const pay = tool('pay', async () => 'paid');
  const steps = [[call('r1', {}, 'pay'), call('r2', { a: 1, b: 1 })], [text('over')]];
  const own = model(steps);
  const output = await agentOf([], { model: own, tools: { pay, add } }).generate('Pay.');
  const told = own.doGenerateCalls[1].prompt.filter(({ role }) => role === 'tool').flatMap(({ content }) => content);
  print({ results: results(output.steps), said: output.text, told: told.map((part) => [part.toolCallId, part.output]) });
}

/** The application's own hooks see what they always see, and what they refuse does not run. */
async function hooks({ add, agentOf, call, text }, print) {
  const seen = [];
  const beforeToolCall = ({ toolName, input, context }) => {
    seen.push(['before', toolName, input, context.agent?.toolCallId ?? context.toolCallId]);
    return input.a < 0 ? { proceed: false, output: 'not that one' } : undefined;
  };
  const afterToolCall = ({ output, error }) => void seen.push(['after', output, error?.message]);
  const steps = [[call('h1', { a: 1, b: 2 }), call('h2', { a: -1, b: 2 })], [text('over')]];
  const { steps: taken } = await agentOf(steps, { tools: { add }, hooks: { beforeToolCall, afterToolCall } }).generate('Add.');
  print({ seen, results: results(taken) });
}

/** Another model and another tool for the second step. */
async function stepping({ add, agentOf, call, model, text, tool }, print) {
  const other = model([[call('x2', {}, 'late')], [text('by another')]], { modelId: 'other' });
  const late = tool('late', async () => 'a tool of the step');
  const shown = [];
  const agent = agentOf([[call('x1', { a: 1, b: 2 })]], { tools: { add } });
  const output = await agent.generate('Add.', {
    prepareStep: ({ model: given, stepNumber }) => {
      shown.push([stepNumber, given.modelId]);
      return stepNumber === 0 ? undefined : { model: other, tools: { late } };
    },
  });
  print({ shown, said: output.text, results: results(output.steps) });
}

async function failing({ agentOf, call, model, text, tool }, print, { agent: { Agent } }) {
  const bad = tool('bad', async () => Promise.reject(new RangeError('no such number')));
  const { steps } = await agentOf([[call('f1', {}, 'bad')], [text('over')]], { tools: { bad } }).generate('Fail.');
  print({ results: results(steps) });
  const broken = model([() => Promise.reject(new TypeError('the provider is down'))]);
  const agent = new Agent({ id: 'adder', name: 'Adder', instructions: 'You add.', model: broken, maxRetries: 0 });
  await agent.generate('Add.', { modelSettings: { maxRetries: 0 } }).catch(({ name, message }) => print({ name, message }));
}

/** What the model makes up, or gets wrong, does not run. */
async function unknown({ add, agentOf, call, text }, print) {
  const malformed = { ...call('u2', {}), input: '{"a":' };
  const steps = [[call('u1', {}, 'nothing'), call('u3', { a: 'x', b: 2 }), call('u4', { a: 1, b: 1 })], [malformed], [text('over')]];
  const output = await agentOf(steps, { tools: { add } }).generate('Add.');
  print({ said: output.text, calls: output.steps.map(({ toolResults }) => toolResults.length) });
}

async function approving({ agentOf, call, text, tool }, print, { mastra: { Mastra }, storage: { InMemoryStore } }) {
  for (const [id, decide] of [
    ['g1', 'approveToolCallGenerate'],
    ['g2', 'declineToolCallGenerate'],
  ]) {
    const pay = tool('settle', async () => 'paid', { requireApproval: true });
    const agent = agentOf([[text('Paying.'), call(id, {}, 'settle')], [text('over')]], { tools: { settle: pay } });
    new Mastra({ agents: { agent }, storage: new InMemoryStore(), logger: false });
    const { runId, finishReason } = await agent.generate('Pay.');
    const output = await agent[decide]({ runId, toolCallId: id });
    print({ finishReason, said: output.text, results: results(output.steps) });
  }
}

async function aborting({ agentOf, call, text, tool }, print) {
  const controller = new AbortController();
  const stop = tool('stop', async (_input, { abortSignal }) => {
    controller.abort();
    abortSignal?.throwIfAborted();
    return 'went on';
  });
  const agent = agentOf([[call('a1', {}, 'stop'), call('a2', {}, 'stop')], [text('never')]], { tools: { stop } });
  const ended = await agent.generate('Stop.', { abortSignal: controller.signal }).then(
    ({ finishReason }) => finishReason ?? 'none',
    ({ name }) => name,
  );
  print({ ended });
}

async function timingOut({ agentOf, call, text, tool }, print) {
  const slow = tool('slow', async () => {
    throw new DOMException('took too long', 'TimeoutError');
  });
  const { steps } = await agentOf([[call('o1', {}, 'slow')], [text('over')]], { tools: { slow } }).generate('Wait.');
  print({ results: results(steps) });
}

async function halfRead({ add, agentOf, call, text }, print) {
  const stream = await agentOf([[call('b1', { a: 1, b: 2 })], [text('3')]], { tools: { add } }).stream('Add.');
  for await (const { type } of stream.fullStream) {
    print({ type });
    break;
  }
}

/** An agent under another one: its run is a child. */
async function delegating({ add, agentOf, call, text, z }, print) {
  const helper = agentOf([[text('For you.'), call('d2', { a: 1, b: 2 })], [text('3')]], {
    id: 'helper',
    name: 'Helper',
    description: 'Adds',
    tools: { add },
  });
  const chief = agentOf([[text('Let helper add.'), call('d1', { prompt: 'Add 1 and 2.' }, 'agent-helper')], [text('It is 3.')]], {
    agents: { helper },
  });
  print({ said: (await chief.generate('Add.')).text, schema: typeof z.object });
}

async function nesting({ agentOf, call, text, tool }, print) {
  const scope = new AsyncLocalStorage();
  const look = tool('look', () =>
    trace.getTracer('app').startActiveSpan('inside the tool', (span) => {
      span.end();
      return scope.getStore();
    }),
  );
  const agent = agentOf([[call('l1', {}, 'look')], [text('seen')]], { tools: { look } });
  print({ results: results((await scope.run('mine', () => agent.generate('Look.'))).steps) });
}

async function grouping({ add, agentOf, call, text }, print) {
  const said = await session({ agent: { id: 'grouped' } }, async () => {
    const first = await agentOf([[call('k1', { a: 1, b: 2 })], [text('3')]], { tools: { add } }).generate('Add.');
    const second = await agentOf([[call('k2', { a: 3, b: 4 })], [text('7')]], { tools: { add } }).generate('Add.');
    return [first.text, second.text];
  });
  print({ said });
}

async function threads({ add, agentOf, call, text }, print) {
  const agent = agentOf([[call('w1', { a: 1, b: 2 })], [text('3')]], { tools: { add } });
  print({ said: (await agent.generate('Add.', { memory: { thread: 'thread-7', resource: 'user-1' } })).text });
}
