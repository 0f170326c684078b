import { readFileSync, writeFileSync } from 'node:fs';
import { session } from '@agent-custody/instrumentation';
import { call, kit, text } from './program.mjs';

const CONFIRMATION = 'adk_request_confirmation';
const INPUT = 'adk_request_input';
const going = [{ text: 'Go.' }];

/** What the programs on confirmations share: a conversation of several turns, in which a human answers what the framework asks. */
export function approvalKit(adk, z) {
  const own = kit(adk, z);
  const settle = own.tool('settle', () => 'paid', { requireConfirmation: true });
  const free = own.tool('free', () => 'done');
  const talk = (agent, { plugins, runConfig } = {}) => {
    const runner = new adk.InMemoryRunner({ agent, appName: 'sums', plugins });
    const place = { appName: 'sums', userId: 'u', sessionId: 'talk' };
    const asked = new Map();
    const turn = async (parts) => {
      await runner.sessionService.getOrCreateSession(place);
      const said = [];
      for await (const event of runner.runAsync({ ...place, newMessage: { role: 'user', parts }, runConfig })) {
        for (const { functionCall } of event.content?.parts ?? []) {
          if (functionCall?.name === CONFIRMATION) asked.set(functionCall.args.originalFunctionCall.id, functionCall.id);
          if (functionCall?.name === INPUT) asked.set(INPUT, functionCall.id);
        }
        said.push(own.shown(event));
      }
      return said;
    };
    const answer = (decisions) =>
      turn(
        Object.entries(decisions).map(([callId, confirmed]) => ({
          functionResponse: { id: asked.get(callId), name: CONFIRMATION, response: { confirmed } },
        })),
      );
    return { runner, place, asked, turn, answer };
  };
  return { ...own, settle, free, talk };
}

/** One program that does what applications do with confirmations: it prints everything that an application can observe. */
export async function run(adk, z, print = (line) => console.log(JSON.stringify(line))) {
  adk.setLogLevel?.(adk.LogLevel?.ERROR);
  const parts = [approving, parallel, oneByOne, conditional, unanswered, inWords, byPlugin, ownTool, input, delegating, grouping, failing];
  for (const part of parts) await part(approvalKit(adk, z), (line) => print({ part: part.name, ...line }));
}

async function approving({ agentOf, settle, free, talk }, print) {
  for (const [id, confirmed] of [
    ['g1', true],
    ['g2', false],
  ]) {
    const steps = [[text('Paying.'), call(`${id}-free`, {}, 'free')], [text('Now.'), call(id, {}, 'settle')], [text('over')]];
    const agent = agentOf(steps, { tools: [settle, free] });
    const { turn, answer } = talk(agent);
    print({ said: await turn(going), answered: await answer({ [id]: confirmed }), told: agent.model.requests.at(-1).contents });
    // Once is enough.
    print({ again: await answer({ [id]: true }) });
  }
}

async function parallel({ agentOf, free, settle, talk, tool }, print) {
  const send = tool('send', ({ to }) => `sent to ${to}`, { requireConfirmation: true, parameters: undefined });
  const steps = [[call('p1', { to: 'ann' }, 'send'), call('p2', {}, 'settle'), call('p3', {}, 'free')], [text('over')]];
  const agent = agentOf(steps, { tools: [send, settle, free] });
  const { turn, answer } = talk(agent);
  print({ said: await turn(going), answered: await answer({ p1: true, p2: false }), told: agent.model.requests.at(-1).contents });
}

async function oneByOne({ agentOf, settle, talk }, print) {
  const steps = [[call('q1', {}, 'settle'), call('q2', {}, 'settle')], [text('one')], [text('both')]];
  const { turn, answer } = talk(agentOf(steps, { tools: [settle] }));
  print({ said: await turn(going), first: await answer({ q1: false }), second: await answer({ q2: true }) });
}

async function conditional({ agentOf, talk, tool, z }, print) {
  const parameters = z.object({ amount: z.number() });
  const pay = tool('spend', ({ amount }) => amount, { parameters, requireConfirmation: ({ amount }) => amount > 10 });
  const steps = [[call('f1', { amount: 1 }, 'spend')], [call('f2', { amount: 100 }, 'spend')], [text('over')]];
  const { turn, answer } = talk(agentOf(steps, { tools: [pay] }));
  print({ said: await turn(going), answered: await answer({ f2: true }) });
}

/** Nobody ever answers, or answers something else. */
async function unanswered({ agentOf, settle, talk }, print) {
  const { turn } = talk(agentOf([[call('n1', {}, 'settle')], [text('Still waiting.')]], { tools: [settle] }));
  print({ said: await turn(going), answered: await turn([{ text: 'What about it?' }]) });
}

async function inWords({ agentOf, settle, talk }, print) {
  for (const [id, words] of [
    ['t1', 'Yes'],
    ['t2', 'no'],
  ]) {
    const runConfig = { plainTextToolConfirmation: true };
    const { turn } = talk(agentOf([[call(id, {}, 'settle')], [text('over')]], { tools: [settle] }), { runConfig });
    print({ said: await turn(going), answered: await turn([{ text: words }]) });
  }
}

/** A plugin asks; a tool that says that it may be asked about is one that may be answered about. */
async function byPlugin({ adk, agentOf, talk }, print) {
  class Watched extends adk.FunctionTool {
    async checkRequireConfirmation() {
      return true;
    }
  }
  const watched = new Watched({ name: 'watched', description: 'Watched', execute: () => 'seen' });
  const policyEngine = { evaluate: async () => ({ outcome: adk.PolicyOutcome.CONFIRM, reason: 'large' }) };
  for (const [id, confirmed] of [
    ['s1', true],
    ['s2', false],
  ]) {
    const plugins = [new adk.SecurityPlugin({ policyEngine })];
    const { turn, answer } = talk(agentOf([[call(id, {}, 'watched')], [text('over')]], { tools: [watched] }), { plugins });
    print({ said: await turn(going), answered: await answer({ [id]: confirmed }) });
  }
}

/** A class of the application's own, which asks for itself and hears the answer. */
async function ownTool({ adk, agentOf, talk }, print) {
  class Careful extends adk.BaseTool {
    _getDeclaration() {
      return { name: this.name, description: this.description, parameters: { type: 'OBJECT', properties: {} } };
    }

    async checkRequireConfirmation() {
      return true;
    }

    async runAsync({ toolContext }) {
      if (toolContext.toolConfirmation) return { careful: toolContext.toolConfirmation.confirmed };
      toolContext.requestConfirmation({ hint: 'May I?' });
      return { careful: 'asked' };
    }
  }
  const careful = new Careful({ name: 'careful', description: 'Careful' });
  for (const [id, confirmed] of [
    ['y1', true],
    ['y2', false],
  ]) {
    const { turn, answer } = talk(agentOf([[call(id, {}, 'careful')], [text('over')]], { tools: [careful] }));
    print({ said: await turn(going), answered: await answer({ [id]: confirmed }) });
  }
}

/** A node that asks a human for something is no question whether it may run. */
async function input({ adk, agentOf, talk, z }, print) {
  const node = new adk.FunctionNode('survey', (context) => context.resumeInputs?.name ?? new adk.RequestInput({ interruptId: 'name' }), {
    inputSchema: z.object({}),
    rerunOnResume: true,
  });
  const { asked, turn } = talk(agentOf([[call('i1', {}, 'survey')], [text('over')]], { tools: [new adk.NodeTool(node)] }));
  const said = await turn(going);
  print({ said, answered: await turn([{ functionResponse: { id: asked.get(INPUT), name: INPUT, response: { result: 'Ann' } } }]) });
}

async function delegating({ agentOf, settle, talk }, print) {
  const helper = agentOf([[text('For you.'), call('d2', {}, 'settle')], [text('paid')]], { name: 'helper', tools: [settle] });
  const chief = agentOf([[call('d1', { agentName: 'helper' }, 'transfer_to_agent')]], { name: 'chief', subAgents: [helper] });
  const { turn, answer } = talk(chief);
  print({ said: await turn(going), answered: await answer({ d2: true }) });
}

async function grouping({ agentOf, settle, talk }, print) {
  const { turn, answer } = talk(agentOf([[text('Together.'), call('k1', {}, 'settle')], [text('over')]], { tools: [settle] }));
  print({ said: await session({ agent: { id: 'grouped' } }, async () => [await turn(going), await answer({ k1: true })]) });
}

/** What was approved may still fail, or have arguments that do not fit. */
async function failing({ agentOf, talk, tool, z }, print) {
  const bad = tool('bad', () => Promise.reject(new RangeError('no such number')), { requireConfirmation: true });
  const strict = tool('strict', () => 'never', { parameters: z.object({ a: z.number() }), requireConfirmation: true });
  const steps = [[call('b1', {}, 'bad')], [call('b2', { a: 'x' }, 'strict')], [text('over')]];
  const { turn, answer } = talk(agentOf(steps, { tools: [bad, strict] }));
  print({ said: await turn(going), answered: await answer({ b1: true }) });
}

/** The question in one process, the answer in another: what was said so far is in a file. */
export async function elsewhere(adk, z, [step, file]) {
  adk.setLogLevel?.(adk.LogLevel?.ERROR);
  const { agentOf, settle, talk } = approvalKit(adk, z);
  const calls = [call('e1', {}, 'settle'), call('e2', {}, 'settle')];
  const agent = agentOf(step === 'ask' ? [[text('Later.'), ...calls]] : [[text('over')]], { tools: [settle] });
  const { runner, place, asked, turn, answer } = talk(agent);
  const { sessionService } = runner;
  if (step === 'ask') {
    console.log(JSON.stringify(await turn(going)));
    const { events } = await sessionService.getSession(place);
    return writeFileSync(file, JSON.stringify({ events, asked: [...asked] }));
  }
  const saved = JSON.parse(readFileSync(file, 'utf8'));
  const resumed = await sessionService.createSession(place);
  for (const event of saved.events) await sessionService.appendEvent({ session: resumed, event });
  for (const [callId, id] of saved.asked) asked.set(callId, id);
  console.log(JSON.stringify(await answer({ e1: true, e2: false })));
}
