import { readFileSync, writeFileSync } from 'node:fs';
import { session } from '@agent-custody/instrumentation';
import { kit } from './program.mjs';

/** What the programs on approvals share: agents whose runs can be gone on with, and tools that ask first. */
export function approvalKit(modules) {
  const {
    mastra: { Mastra },
    storage: { InMemoryStore },
  } = modules;
  const own = kit(modules);
  const settle = own.tool('settle', async () => 'paid', { requireApproval: true });
  const free = own.tool('free', async () => 'done');
  const agentOf = (steps, more, storage = new InMemoryStore()) => {
    const agent = own.agentOf(steps, more);
    new Mastra({ agents: { agent }, storage, logger: false });
    return agent;
  };
  return { ...own, agentOf, settle, free };
}

/** One program that does what applications do with approvals: it prints everything that an application can observe. */
export async function run(modules, print = (line) => console.log(JSON.stringify(line))) {
  const parts = [approving, streaming, parallel, agentWide, conditional, withData, byThread, suspending, unanswered];
  for (const part of [
    ...parts,
    hooks,
    failing,
    delegating,
    delegatingAll,
    delegatingStream,
    suspendingAfter,
    workflow,
    network,
    networkOfAgents,
    networkOfMemory,
    byModel,
    networkByModel,
    grouping,
  ]) {
    await part(approvalKit(modules), (line) => print({ part: part.name, ...line }), modules);
  }
}

const results = (steps) =>
  steps.map(({ toolResults }) => toolResults.map(({ payload }) => [payload.toolName, payload.result ?? null, payload.isError ?? false]));
const toldOf = (prompt) =>
  prompt.filter(({ role }) => role === 'tool').flatMap(({ content }) => content.map((part) => [part.toolCallId, part.output]));
const shown = ({ finishReason, text, steps }) => ({ finishReason, said: text, results: results(steps) });
const read = async (stream) => {
  const types = [];
  for await (const { type } of stream.fullStream) types.push(type);
  return { types, said: await stream.text };
};

async function approving({ agentOf, call, free, model, settle, text }, print) {
  for (const [id, decide, more] of [
    ['g1', 'approveToolCallGenerate'],
    ['g2', 'declineToolCallGenerate'],
    ['g3', 'declineToolCallGenerate', { reason: 'too dear' }],
  ]) {
    const steps = [[text('First.'), call(`${id}-free`, {}, 'free')], [text('Paying.'), call(id, {}, 'settle')], [text('over')]];
    const own = model(steps);
    const agent = agentOf([], { model: own, tools: { settle, free } });
    const first = await agent.generate('Pay.');
    const output = await agent[decide]({ runId: first.runId, toolCallId: id, ...more });
    print({ first: shown(first), ...shown(output), told: toldOf(own.doGenerateCalls.at(-1).prompt) });
    const again = await agent[decide]({ runId: first.runId, toolCallId: id }).catch(({ name }) => name);
    print({ again });
  }
}

async function streaming({ agentOf, call, settle, text }, print) {
  for (const [id, decide] of [
    ['s1', 'approveToolCall'],
    ['s2', 'declineToolCall'],
  ]) {
    const agent = agentOf([[text('Paying.'), call(id, {}, 'settle')], [text('over')]], { tools: { settle } });
    const stream = await agent.stream('Pay.');
    print(await read(stream));
    print(await read(await agent[decide]({ runId: stream.runId })));
  }
}

/** One after the other, as the framework asks: the second when the first is decided. */
async function parallel({ agentOf, call, free, model, settle, text }, print) {
  const own = model([[call('p1', {}, 'settle'), call('p2', {}, 'settle'), call('p3', {}, 'free')], [text('over')]]);
  const agent = agentOf([], { model: own, tools: { settle, free } });
  const { runId } = await agent.generate('Pay.');
  const second = await agent.approveToolCallGenerate({ runId, toolCallId: 'p1' });
  print(shown(second));
  const third = await agent.declineToolCallGenerate({ runId, toolCallId: 'p2' });
  print({ ...shown(third), told: toldOf(own.doGenerateCalls.at(-1).prompt) });
  const other = agentOf([[call('q1', {}, 'settle'), call('q2', {}, 'settle'), call('q3', {}, 'free')], [text('over')]], {
    tools: { settle, free },
  });
  const begun = await other.generate('Pay.');
  for (const decide of ['declineToolCallGenerate', 'approveToolCallGenerate']) print(shown(await other[decide]({ runId: begun.runId })));
}

/** Every call is asked about: an approval is for one. */
async function agentWide({ agentOf, call, free, text }, print) {
  const agent = agentOf([[call('w1', {}, 'free')], [call('w2', {}, 'free')], [text('over')]], { tools: { free } });
  const { runId } = await agent.generate('Go.', { requireToolApproval: true });
  const second = await agent.approveToolCallGenerate({ runId, requireToolApproval: true });
  print(shown(second));
  print(shown(await agent.declineToolCallGenerate({ runId, requireToolApproval: true })));
}

async function conditional({ agentOf, call, text, tool, z }, print) {
  const spend = tool('spend', async ({ amount }) => amount, {
    inputSchema: z.object({ amount: z.number() }),
    requireApproval: async ({ amount }) => amount > 10,
  });
  const agent = agentOf([[call('f1', { amount: 1 }, 'spend')], [call('f2', { amount: 100 }, 'spend')], [text('over')]], {
    tools: { spend },
  });
  const { runId } = await agent.generate('Spend.');
  print(shown(await agent.approveToolCallGenerate({ runId, toolCallId: 'f2' })));
}

async function withData({ agentOf, call, settle, text }, print) {
  const streamed = agentOf([[call('r1', {}, 'settle')], [text('over')]], { tools: { settle } });
  const { runId } = await streamed.generate('Pay.');
  print(await read(await streamed.resumeStream({ approved: true, note: 'by phone' }, { runId })));
  const generated = agentOf([[call('r2', {}, 'settle')], [text('over')]], { tools: { settle } });
  const first = await generated.generate('Pay.');
  print(shown(await generated.resumeGenerate({ approved: false }, { runId: first.runId })));
}

/** The application knows the thread, and not the run. */
async function byThread({ agentOf, call, settle, text }, print, { memory: { MockMemory }, storage: { InMemoryStore } }) {
  const storage = new InMemoryStore();
  const steps = [[call('t1', {}, 'settle')], [text('over')]];
  const agent = agentOf(steps, { tools: { settle }, memory: new MockMemory({ storage }) }, storage);
  const place = { threadId: 'talk', resourceId: 'user' };
  const stream = await agent.stream('Pay.', { memory: { thread: 'talk', resource: 'user' } });
  print(await read(stream));
  const subscribed = await agent.subscribeToThread(place);
  const { accepted, toolCallId } = await agent.sendToolApproval({ ...place, toolCallId: 't1', approved: true });
  print({ accepted, toolCallId });
  for await (const { type } of subscribed.stream) if (type === 'finish') break;
}

/** A tool that stops itself asks for what it likes, in the same words. */
async function suspending({ agentOf, call, text, tool, z }, print) {
  for (const [id, resumed] of [
    ['u1', { approved: true }],
    ['u2', { approved: false }],
  ]) {
    const resumeSchema = z.object({ approved: z.boolean() });
    const survey = tool('survey', async (_input, { agent }) => agent.resumeData ?? agent.suspend({ question: 'Well?' }), {
      resumeSchema,
      suspendSchema: z.object({ question: z.string() }),
    });
    const agent = agentOf([[call(id, {}, 'survey')], [text('over')]], { tools: { survey } });
    const { runId } = await agent.generate('Ask.');
    print(shown(await agent.resumeGenerate(resumed, { runId, toolCallId: id })));
  }
}

async function unanswered({ agentOf, call, settle, text }, print) {
  print(shown(await agentOf([[call('n1', {}, 'settle')], [text('over')]], { tools: { settle } }).generate('Pay.')));
}

/** What was approved, or denied, and has a hook as well. */
async function hooks({ agentOf, call, settle, text }, print) {
  for (const [id, decide] of [
    ['h1', 'approveToolCallGenerate'],
    ['h2', 'declineToolCallGenerate'],
  ]) {
    const beforeToolCall = () => ({ proceed: false, output: 'not that one' });
    const agent = agentOf([[call(id, {}, 'settle')], [text('over')]], { tools: { settle }, hooks: { beforeToolCall } });
    const { runId } = await agent.generate('Pay.');
    print(shown(await agent[decide]({ runId })));
  }
}

async function failing({ agentOf, call, text, tool }, print) {
  const bad = tool('bad', async () => Promise.reject(new RangeError('no such number')), { requireApproval: true });
  const agent = agentOf([[call('b1', {}, 'bad')], [text('over')]], { tools: { bad } });
  const { runId } = await agent.generate('Fail.');
  print(shown(await agent.approveToolCallGenerate({ runId })));
}

const teamOf = ({ agentOf, call, text, settle, agent: plain }, [outer, inner]) => {
  const helper = plain([[text('For you.'), call(inner, {}, 'settle')], [text('paid')]], {
    id: 'helper',
    name: 'Helper',
    description: 'Pays',
    tools: { settle },
  });
  return agentOf([[call(outer, { prompt: 'Pay.' }, 'agent-helper')], [text('It is over.')]], { agents: { helper } });
};

/** The agent under another one asks; the answer is given to that other one. */
async function delegating(own, print, modules) {
  for (const [ids, decide] of [
    [['d1', 'd2'], 'approveToolCallGenerate'],
    [['d3', 'd4'], 'declineToolCallGenerate'],
  ]) {
    const chief = teamOf({ ...own, agent: kit(modules).agentOf }, ids);
    const first = await chief.generate('Pay.');
    print({ first: first.finishReason, ...shown(await chief[decide]({ runId: first.runId, toolCallId: ids[0] })) });
  }
}

/** Every call is asked about: that of the agent, and those inside it. */
async function delegatingAll(own, print, modules) {
  const chief = teamOf({ ...own, agent: kit(modules).agentOf }, ['d5', 'd6']);
  const { runId } = await chief.generate('Pay.', { requireToolApproval: true });
  print(shown(await chief.approveToolCallGenerate({ runId, requireToolApproval: true })));
  print(shown(await chief.approveToolCallGenerate({ runId, requireToolApproval: true })));
}

/** A tool that is asked about, and then stops itself to ask for more. */
async function suspendingAfter({ agentOf, call, text, tool, z }, print) {
  const transfer = tool('transfer', async (_input, { agent }) => agent.resumeData ?? agent.suspend({ question: 'To whom?' }), {
    requireApproval: true,
    resumeSchema: z.object({ approved: z.boolean(), to: z.string() }),
    suspendSchema: z.object({ question: z.string() }),
  });
  const agent = agentOf([[call('u3', {}, 'transfer')], [text('over')]], { tools: { transfer } });
  const { runId } = await agent.generate('Pay.');
  print(shown(await agent.approveToolCallGenerate({ runId })));
  print(shown(await agent.resumeGenerate({ approved: true, to: 'ann' }, { runId })));
}

async function delegatingStream(own, print, modules) {
  for (const [ids, decide] of [
    [['e1', 'e2'], 'approveToolCall'],
    [['e3', 'e4'], 'declineToolCall'],
  ]) {
    const chief = teamOf({ ...own, agent: kit(modules).agentOf }, ids);
    const first = await chief.stream('Pay.');
    print({ first: (await read(first)).types.length, ...(await read(await chief[decide]({ runId: first.runId }))) });
  }
}

/** A workflow as a tool, which stops to ask. */
async function workflow({ agentOf, call, text, z }, print, { workflows: { createStep, createWorkflow } }) {
  const schema = z.object({});
  const ask = createStep({
    id: 'ask',
    inputSchema: schema,
    outputSchema: z.object({ approved: z.boolean() }),
    resumeSchema: z.object({ approved: z.boolean() }),
    execute: async ({ resumeData, suspend }) => resumeData ?? suspend({}),
  });
  const flow = createWorkflow({ id: 'flow', description: 'Asks', inputSchema: schema, outputSchema: z.object({ approved: z.boolean() }) })
    .then(ask)
    .commit();
  const agent = agentOf([[call('v1', { inputData: {} }, 'workflow-flow')], [text('over')]], { workflows: { flow } });
  const first = await agent.generate('Ask.');
  print({ first: first.finishReason, ...shown(await agent.resumeGenerate({ approved: true }, { runId: first.runId })) });
}

const route = (text, primitiveId, primitiveType, prompt = {}) => [
  text(JSON.stringify({ primitiveId, primitiveType, prompt: JSON.stringify(prompt), selectionReason: 'It fits.' })),
];
const complete = (text) => [text(JSON.stringify({ isComplete: true, completionReason: 'Done.', finalResult: 'over' }))];
const typesOf = async (stream) => {
  const types = [];
  for await (const { type, payload } of stream) types.push([type, payload?.result]);
  return { types, status: await stream.status };
};

/** A network runs tools by itself, with no call id that a model gave. */
async function network({ agentOf, free, settle, text, tool, z }, print, { memory: { MockMemory }, storage: { InMemoryStore } }) {
  const send = tool('send', async ({ to }) => `sent to ${to}`, { inputSchema: z.object({ to: z.string() }), requireApproval: true });
  for (const [name, input, decide] of [
    ['send', { to: 'ann' }, 'approveNetworkToolCall'],
    ['send', { to: 'bob' }, 'declineNetworkToolCall'],
    ['settle', {}, 'approveNetworkToolCall'],
  ]) {
    const storage = new InMemoryStore();
    const steps = [route(text, 'free', 'tool'), complete(text), route(text, name, 'tool', input), complete(text)];
    const agent = agentOf(steps, { name: 'Chief', tools: { free, send, settle }, memory: new MockMemory({ storage }) }, storage);
    const memory = { thread: 'talk', resource: 'user' };
    print(await typesOf(await agent.network('Go.', { memory })));
    const stopped = await agent.network('Send it.', { memory });
    print(await typesOf(stopped));
    print(await typesOf(await agent[decide]({ runId: stopped.runId, memory })));
  }
}

async function networkOfAgents({ agentOf, call, settle, text }, print, modules) {
  const { MockMemory } = modules.memory;
  for (const [id, decide] of [
    ['m1', 'approveNetworkToolCall'],
    ['m2', 'declineNetworkToolCall'],
  ]) {
    const storage = new modules.storage.InMemoryStore();
    const steps = [[call(id, {}, 'settle')], [text('paid')]];
    const helper = kit(modules).agentOf(steps, { id: 'helper', name: 'Helper', description: 'Pays', tools: { settle } });
    const routing = [route(text, 'helper', 'agent'), complete(text)];
    const agent = agentOf(routing, { agents: { helper }, memory: new MockMemory({ storage }) }, storage);
    const memory = { thread: 'talk', resource: 'user' };
    const stopped = await agent.network('Pay.', { memory });
    print(await typesOf(stopped));
    print(await typesOf(await agent[decide]({ runId: stopped.runId, memory })));
  }
}

/** A model answers for the human: the framework lets it say what an agent under it goes on with. */
async function byModel({ agentOf, call, settle, text }, print, modules) {
  const storage = new modules.storage.InMemoryStore();
  const helper = kit(modules).agentOf([[call('o2', {}, 'settle')], [text('paid')]], {
    id: 'helper',
    name: 'Helper',
    description: 'Pays',
    tools: { settle },
  });
  const again = { prompt: 'Pay.', resumeData: { approved: true }, suspendedToolCallId: 'o1' };
  const steps = [[call('o1', { prompt: 'Pay.' }, 'agent-helper')], [call('o3', again, 'agent-helper')], [text('over')]];
  const more = { agents: { helper }, memory: new modules.memory.MockMemory({ storage }) };
  const agent = agentOf(steps, more, storage);
  const options = { autoResumeSuspendedTools: true, memory: { thread: 'talk', resource: 'user' } };
  const first = await agent.generate('Pay.', options);
  print({ first: first.finishReason, ...shown(await agent.generate('Go on.', options)) });
}

/** A memory has tools of its own. */
async function networkOfMemory({ agentOf, text }, print, { memory: { MockMemory }, storage: { InMemoryStore } }) {
  const storage = new InMemoryStore();
  const steps = [route(text, 'updateWorkingMemory', 'tool', { memory: 'likes tea' }), complete(text)];
  const agent = agentOf(steps, { name: 'Chief', memory: new MockMemory({ storage, enableWorkingMemory: true }) }, storage);
  print(await typesOf(await agent.network('I like tea.', { memory: { thread: 'talk', resource: 'user' } })));
}

/** So does a network of its own accord, by what a human said in the conversation. */
async function networkByModel({ agentOf, text, tool, z }, print, { memory: { MockMemory }, storage: { InMemoryStore } }) {
  const mail = tool('mail', async ({ to }) => `mailed ${to}`, { inputSchema: z.object({ to: z.string() }), requireApproval: true });
  const storage = new InMemoryStore();
  const yes = [text(JSON.stringify({ resumeData: JSON.stringify({ approved: true }) }))];
  const steps = [route(text, 'mail', 'tool', { to: 'eve' }), yes, complete(text)];
  const agent = agentOf(steps, { name: 'Chief', tools: { mail }, memory: new MockMemory({ storage }) }, storage);
  const options = { autoResumeSuspendedTools: true, memory: { thread: 'talk', resource: 'user' } };
  print(await typesOf(await agent.network('Mail it.', options)));
  print(await typesOf(await agent.network('I guess so.', options)));
}

async function grouping({ agentOf, call, settle, text }, print) {
  const agent = agentOf([[text('Together.'), call('k1', {}, 'settle')], [text('over')]], { tools: { settle } });
  const said = await session({ agent: { id: 'grouped' } }, async () => {
    const { runId } = await agent.generate('Pay.');
    return shown(await agent.approveToolCallGenerate({ runId, toolCallId: 'k1' }));
  });
  print({ said });
}

/** The question in one process, the answer in another: where the run stopped is in a file. */
export async function elsewhere(modules, [step, file]) {
  const { agentOf, call, settle, text } = approvalKit(modules);
  const storage = new modules.storage.InMemoryStore();
  const workflows = await storage.getStore('workflows');
  if (step === 'ask') {
    const agent = agentOf([[text('Later.'), call('x1', {}, 'settle'), call('x2', {}, 'settle')]], { tools: { settle } }, storage);
    const first = await agent.generate('Pay.');
    console.log(JSON.stringify(shown(first)));
    const { runs } = await workflows.listWorkflowRuns();
    return writeFileSync(file, JSON.stringify({ runId: first.runId, runs }));
  }
  const { runId, runs } = JSON.parse(readFileSync(file, 'utf8'));
  for (const { workflowName, runId: id, snapshot } of runs) {
    await workflows.persistWorkflowSnapshot({
      workflowName,
      runId: id,
      snapshot: typeof snapshot === 'string' ? JSON.parse(snapshot) : snapshot,
    });
  }
  const agent = agentOf([[text('over')]], { tools: { settle } }, storage);
  const second = await agent[step === 'approve' ? 'approveToolCallGenerate' : 'declineToolCallGenerate']({ runId });
  console.log(JSON.stringify(shown(second)));
  const left = await workflows.listWorkflowRuns();
  writeFileSync(file, JSON.stringify({ runId, runs: left.runs }));
}
