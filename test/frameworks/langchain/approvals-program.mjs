import { readFileSync, writeFileSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';
import { kit as agentsKit } from './agents-program.mjs';

/**
 * Agents that ask a human first; prints what an application can observe of each. With a mode and a file the human is asked in one
 * process and answers in another one.
 */
export async function run(modules, [mode, file] = [], print = (line) => console.log(JSON.stringify(line))) {
  const parts = [
    approved,
    rejected,
    edited,
    mixed,
    undecided,
    streamed,
    alike,
    refused,
    byId,
    changed,
    nested,
    delegated,
    byHand,
    questions,
    policy,
  ];
  if (mode) await elsewhere(kit(modules), print, mode, file);
  else for (const part of parts) await part(kit(modules), (line) => print({ part: part.name, ...line }));
}

function kit(modules) {
  const own = agentsKit(modules);
  const { langchain, langgraph, Scripted, tools, z, add, memory } = own;
  const tool = (name, run, shape) => tools.tool(run, { name, description: `Does ${name}`, schema: z.object(shape) });
  const note = tool('note', async ({ text }) => `noted ${text}`, { text: z.string() });
  const pay = tool('pay', async ({ to }) => `paid ${to}`, { to: z.string() });
  const interruptOn = { add: true, pay: { allowedDecisions: ['approve', 'reject'] }, delegate: true, note: false };
  const careful = (steps, options = {}) =>
    langchain.createAgent({
      model: options.model ?? new Scripted(steps),
      tools: [add, note, pay, ...(options.tools ?? [])],
      checkpointer: 'checkpointer' in options ? options.checkpointer : memory(),
      middleware: [langchain.humanInTheLoopMiddleware({ interruptOn }), ...(options.middleware ?? [])],
      name: options.name ?? 'careful',
    });
  const resume = (...decisions) => new langgraph.Command({ resume: { decisions } });
  return { ...own, tool, note, pay, careful, resume };
}

const YES = { type: 'approve' };
const asks = { messages: [{ role: 'user', content: 'Go.' }] };
const thread = (id) => ({ configurable: { thread_id: id } });
const waiting = ({ __interrupt__ }) => __interrupt__.map(({ value }) => value.actionRequests ?? value);
const all = ({ messages }) =>
  messages.map(({ content, name, status, tool_calls }) => [
    content,
    name,
    status,
    tool_calls?.map(({ id, name, args }) => [id, name, args]),
  ]);

async function approved({ careful, resume, call, says, ran }, print) {
  const one = careful([says('Both.', call('ap1', { a: 1 }), call('ap2', { text: 'x' }, 'note')), says('Done.')]);
  print({ waiting: waiting(await one.invoke(asks, thread('approved'))), ran });
  print({ decided: all(await one.invoke(resume(YES), thread('approved'))), ran });
}

async function rejected({ careful, resume, call, says, ran }, print) {
  const calls = [call('rj1', { a: 1 }), call('rj2', { a: 2 })];
  const one = careful([says('May I?', ...calls), says('Then not.')]);
  print({ waiting: waiting(await one.invoke(asks, thread('rejected'))) });
  const decisions = resume({ type: 'reject', message: 'not today' }, { type: 'reject' });
  print({ decided: all(await one.invoke(decisions, thread('rejected'))), ran });
}

async function edited({ careful, resume, call, says }, print) {
  const one = careful([says('May I?', call('ed1', { a: 1 }), call('ed2', { a: 2 })), says('Done.')]);
  await one.invoke(asks, thread('edited'));
  const other = { type: 'edit', editedAction: { name: 'add', args: { a: 10, b: 10 } } };
  const renamed = { type: 'edit', editedAction: { name: 'note', args: { text: 'instead' } } };
  print({ decided: all(await one.invoke(resume(other, renamed), thread('edited'))) });
}

async function mixed({ careful, resume, call, says, ran }, print) {
  const calls = [call('mx1', { a: 1 }), call('mx2', { a: 2 }), call('mx3', { text: 'beside' }, 'note')];
  const one = careful([says('All.', ...calls), says('', call('mx1', { text: 'again' }, 'note')), says('So be it.')]);
  await one.invoke(asks, thread('mixed'));
  print({ decided: all(await one.invoke(resume(YES, { type: 'reject', message: 'no' }), thread('mixed'))), ran });
}

async function undecided({ careful, call, says, ran }, print) {
  const one = careful([says('May I?', call('nv1', { a: 1 }), call('nv2', { text: 'x' }, 'note'))]);
  print({ waiting: waiting(await one.invoke(asks, thread('undecided'))), ran });
}

async function streamed({ careful, resume, Streaming, call, says }, print) {
  const model = new Streaming([says('May I?', call('st1', { a: 1 })), says('Done.')]);
  const one = careful([], { model });
  for (const input of [asks, resume(YES)]) {
    const chunks = [];
    for await (const chunk of await one.stream(input, { ...thread('streamed'), streamMode: 'updates' })) chunks.push(Object.keys(chunk));
    print({ chunks });
  }
}

/** Two calls that nothing but their ids tells apart. */
async function alike({ careful, resume, call, says }, print) {
  const one = careful([says('Twice.', call('al1', { a: 1 }), call('al2', { a: 1 })), says('Done.')]);
  await one.invoke(asks, thread('alike'));
  const edit = { type: 'edit', editedAction: { name: 'add', args: { a: 2 } } };
  print({ decided: all(await one.invoke(resume(YES, edit), thread('alike'))) });
}

/** A decision that the application does not allow, and then one that it does. */
async function refused({ careful, resume, call, says, ran }, print) {
  const one = careful([says('May I?', call('rf1', { to: 'bob' }, 'pay'), call('rf2', { a: 1 })), says('Done.')]);
  await one.invoke(asks, thread('refused'));
  const edit = { type: 'edit', editedAction: { name: 'pay', args: { to: 'eve' } } };
  for (const decisions of [[edit, { type: 'reject' }], [YES]]) {
    const failed = await one.invoke(resume(...decisions), thread('refused')).catch((error) => error.message.split('\n')[0]);
    print({ failed, ran });
  }
}

async function byId({ careful, langgraph, call, says }, print) {
  const one = careful([says('May I?', call('id1', { a: 1 })), says('Done.')]);
  const { __interrupt__ } = await one.invoke(asks, thread('by id'));
  const input = new langgraph.Command({ resume: { [__interrupt__[0].id]: { decisions: [YES] } } });
  print({ decided: all(await one.invoke(input, thread('by id'))) });
}

/** What the tool gets is not what the human saw. */
async function changed({ careful, langchain, resume, call, says }, print) {
  const after = langchain.createMiddleware({
    name: 'after',
    wrapToolCall: (request, next) => next({ ...request, toolCall: { ...request.toolCall, args: { a: 99 } } }),
  });
  const one = careful([says('May I?', call('ch1', { a: 1 })), says('Done.')], { middleware: [after] });
  await one.invoke(asks, thread('changed'));
  print({ decided: all(await one.invoke(resume(YES), thread('changed'))) });
}

/** An agent that asks inside a graph that goes on for it. */
async function nested({ careful, langgraph, resume, call, says, memory }, print) {
  const steps = [says('May I?', call('ne1', { a: 1 })), says('And this?', call('ne2', { a: 2 })), says('Done.')];
  const outer = new langgraph.StateGraph(langgraph.MessagesAnnotation)
    .addNode('inner', careful(steps, { name: 'inner', checkpointer: true }).graph)
    .addEdge('__start__', 'inner')
    .compile({ name: 'outer', checkpointer: memory() });
  print({ waiting: waiting(await outer.invoke(asks, thread('nested'))) });
  print({ waiting: waiting(await outer.invoke(resume(YES), thread('nested'))) });
  print({ decided: all(await outer.invoke(resume({ type: 'reject', message: 'enough' }), thread('nested'))) });
}

/** A call that is approved, asks for more on its way, and goes on in a later run. */
async function delegated({ careful, tool, z, resume, call, says }, print) {
  const worker = careful([says('On it.', call('de2', { a: 7 })), says('I added.')], { name: 'worker', checkpointer: undefined });
  const run = async ({ task }) => (await worker.invoke({ messages: [{ role: 'user', content: task }] })).messages.at(-1).content;
  const tools = [tool('delegate', run, { task: z.string() })];
  const one = careful([says('To my worker.', call('de1', { task: 'Add.' }, 'delegate')), says('Done.')], { tools });
  print({ waiting: waiting(await one.invoke(asks, thread('delegated'))) });
  print({ waiting: waiting(await one.invoke(resume(YES), thread('delegated'))) });
  print({ decided: all(await one.invoke(resume(YES), thread('delegated'))) });
}

/** A graph with a node of its own that asks in the middleware's words, twice in one go; what it is refused it leaves out. */
async function byHand({ langgraph, prebuilt, add, note, call, says, resume, memory }, print) {
  const review = ({ messages }) => {
    const asking = messages.at(-1);
    const kept = asking.tool_calls.filter(({ name, args }) => {
      const reviewConfigs = [{ actionName: name, allowedDecisions: ['approve', 'reject'] }];
      const { decisions } = langgraph.interrupt({ actionRequests: [{ name, args: { ...args } }], reviewConfigs });
      return decisions[0].type === 'approve';
    });
    asking.tool_calls = kept;
    return { messages: [asking] };
  };
  const graph = new langgraph.StateGraph(langgraph.MessagesAnnotation)
    .addNode('model', () => ({ messages: [says('All of these.', call('bh1', { a: 1 }), call('bh2', { a: 2 }))] }))
    .addNode('review', review)
    .addNode('tools', new prebuilt.ToolNode([add, note]))
    .addEdge('__start__', 'model')
    .addEdge('model', 'review')
    .addEdge('review', 'tools')
    .compile({ name: 'by hand', checkpointer: memory() });
  print({ waiting: waiting(await graph.invoke(asks, thread('by hand'))) });
  print({ waiting: waiting(await graph.invoke(resume({ type: 'reject' }), thread('by hand'))) });
  print({ decided: all(await graph.invoke(resume(YES), thread('by hand'))) });
}

/** Questions that are no approval of a call: of a tool's own, and of a node in words of its own. */
async function questions({ careful, langgraph, prebuilt, tool, note, z, call, says, resume, memory }, print) {
  const wire = tool(
    'wire',
    async ({ sum }) => {
      const reviewConfigs = [{ actionName: 'wire', allowedDecisions: ['approve', 'reject'] }];
      const { decisions } = langgraph.interrupt({ actionRequests: [{ name: 'wire', args: { sum } }], reviewConfigs });
      return decisions[0].type;
    },
    { sum: z.number() },
  );
  const one = careful([says('Wiring.', call('qu1', { sum: 5 }, 'wire')), says('Done.')], { tools: [wire] });
  await one.invoke(asks, thread('own question'));
  print({ decided: all(await one.invoke(resume({ type: 'reject' }), thread('own question'))) });
  const graph = new langgraph.StateGraph(langgraph.MessagesAnnotation)
    .addNode('model', () => ({ messages: [says('May I?', call('qu2', { text: 'y' }, 'note'))] }))
    .addNode('review', () => ({ messages: langgraph.interrupt('Shall I?') === 'yes' ? [] : [says('No.')] }))
    .addNode('tools', new prebuilt.ToolNode([note]))
    .addEdge('__start__', 'model')
    .addEdge('model', 'review')
    .addEdge('review', 'tools')
    .compile({ checkpointer: memory() });
  await graph.invoke(asks, thread('own words'));
  print({ decided: all(await graph.invoke(new langgraph.Command({ resume: 'yes' }), thread('own words'))) });
}

/** With a policy that denies `pay`. */
async function policy({ careful, resume, call, says }, print) {
  const one = careful([says('Paying.', call('po1', { to: 'eve' }, 'pay'), call('po2', { a: 1 })), says('Done.')]);
  await one.invoke(asks, thread('policy'));
  print({ decided: all(await one.invoke(resume(YES, YES), thread('policy'))) });
}

async function elsewhere({ careful, resume, memory, call, says }, print, mode, file) {
  const checkpointer = memory();
  if (mode === 'ask') {
    const calls = [call('el1', { a: 1 }), call('el2', { text: 'x' }, 'note')];
    const one = careful([says('From here.', ...calls)], { checkpointer });
    await one.invoke(asks, thread('yes'));
    const other = careful([says('From here.', call('el3', { a: 3 }))], { checkpointer });
    print({ waiting: waiting(await other.invoke(asks, thread('no'))) });
    writeFileSync(file, serialize({ storage: checkpointer.storage, writes: checkpointer.writes }));
    return;
  }
  const kept = deserialize(readFileSync(file));
  checkpointer.storage = kept.storage;
  checkpointer.writes = kept.writes;
  for (const [id, decision] of Object.entries({ yes: YES, no: { type: 'reject', message: 'not that' } })) {
    print({ decided: all(await careful([says('Done.')], { checkpointer }).invoke(resume(decision), thread(id))) });
  }
}
