import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runAction } from '../../src/action.js';
import { shutDownSessions } from '../../src/exit.js';
import { session } from '../../src/session.js';
import { findings, type Recording, record } from '../support/recording.js';
import { loadLangchain } from './support/langchain.js';
import { loadOpenAiAgents } from './support/openai-agents.js';
import { FRAMEWORKS } from './support/process.js';

const langchain = await loadLangchain();
const openai = await loadOpenAiAgents();

let recording: Recording;
beforeEach(() => {
  recording = record();
});
afterEach(async () => {
  shutDownSessions();
  expect(findings(recording.links())).toEqual([]);
  await recording.stop();
});

/** `[call, decisions, status]` of each action, in their order. */
function decided(): readonly unknown[][] {
  const links = recording.links();
  return links
    .filter(({ kind }) => kind === 'action.intent')
    .map(({ session: own, attributes }) => {
      const same = links.filter(
        (link) => link.session === own && link.attributes['custody.action.id'] === attributes['custody.action.id'],
      );
      const said = same.flatMap((link) => (link.kind === 'approval' ? [link.attributes['custody.approval.decision']] : []));
      const outcome = same.find(({ kind }) => kind === 'action.outcome');
      return [attributes['gen_ai.tool.call.id'], ...said, outcome?.attributes['custody.action.status']];
    });
}

describe('approvals of LangGraph', () => {
  const { langgraph, Scripted, call, says, add, memory } = langchain;
  const asks = { messages: [{ role: 'user', content: 'Go.' }] };
  const thread = (id: string, more: object = {}) => ({ configurable: { thread_id: id, ...more } });
  const YES = { type: 'approve' };
  const NO = { type: 'reject' };
  const resume = (...decisions: object[]) => new langgraph.Command({ resume: { decisions } });
  const careful = (steps: unknown[]) =>
    langchain.langchain.createAgent({
      model: new Scripted(steps),
      tools: [add],
      checkpointer: memory(),
      middleware: [langchain.langchain.humanInTheLoopMiddleware({ interruptOn: { add: true } })],
    });

  it('are all on record where a human goes back and decides otherwise', async () => {
    const one = careful([says('May I?', call('fk1', { a: 1 })), says('Done.'), says('Then not.'), says('Again not.')]);
    await one.invoke(asks, thread('fork'));
    const { config } = await one.getState(thread('fork'));
    const back = { configurable: { ...config.configurable } };
    await one.invoke(resume(YES), thread('fork'));
    await one.invoke(resume(NO), back);
    await one.invoke(resume(NO), back);
    expect(decided()).toEqual([
      ['fk1', 'approved', 'ok'],
      ['fk1', 'denied', 'denied'],
      ['fk1', 'denied', 'denied'],
    ]);
  });

  it('are on record once where another process asks the next question of the same node', async () => {
    const review = (id: string) => ({
      actionRequests: [{ name: 'add', args: { a: id.length } }],
      reviewConfigs: [{ actionName: 'add', allowedDecisions: ['approve', 'reject'] }],
    });
    const graph = new langgraph.StateGraph(langgraph.MessagesAnnotation)
      .addNode('ask', () => {
        langgraph.interrupt(review('a'));
        langgraph.interrupt(review('bb'));
        return {};
      })
      .addEdge('__start__', 'ask')
      .compile({ checkpointer: memory() });
    const messages = [says('May I?', call('tw1', { a: 1 }), call('tw2', { a: 2 }))];
    await graph.invoke({ messages }, thread('two'));
    await graph.invoke(resume(NO), thread('two'));
    Reflect.deleteProperty(globalThis, Symbol.for('agent-custody.instrumentation.v1.langchain-answered'));
    await graph.invoke(resume(NO), thread('two'));
    expect(decided()).toEqual([
      ['tw1', 'denied', 'denied'],
      ['tw2', 'denied', 'denied'],
    ]);
  });
});

describe('approvals of the OpenAI Agents SDK', () => {
  const { agents, agent, call, text, z } = openai;
  const careful = agents.tool({
    name: 'careful',
    description: 'Asks first',
    parameters: { type: 'object', properties: {}, required: [], additionalProperties: false },
    strict: true,
    needsApproval: true,
    execute: async () => 'ran',
  });

  it('are on record once where a human decides about one call after the other', async () => {
    void z;
    const one = agent({ tools: [careful] }, [call('oa1', {}, 'careful'), call('oa2', {}, 'careful')], [text('Done.')]);
    const first = await agents.run(one, 'Go.');
    first.state.reject(first.interruptions[0]);
    const second = await agents.run(one, first.state);
    second.state.approve(second.interruptions[0]);
    const third = await agents.run(one, second.state);
    expect(third.finalOutput).toBe('Done.');
    expect(decided()).toEqual([
      ['oa1', 'denied', 'denied'],
      ['oa2', 'approved', 'ok'],
    ]);
  });

  it('leave nothing open where a hook stops the run as a tool is about to start', async () => {
    const stop = new AbortController();
    const plain = agents.tool({
      name: 'plain',
      description: 'Runs',
      parameters: { type: 'object', properties: {}, required: [], additionalProperties: false },
      strict: true,
      execute: async () => 'ran',
    });
    await session({ agent: { id: 'mine' } }, async () => {
      const one = agent({ tools: [plain] }, [call('ob1', {}, 'plain')], [text('Done.')]);
      one.on('agent_tool_start', () => stop.abort());
      await agents.run(one, 'Go.', { signal: stop.signal }).catch(() => undefined);
      const other = agent({ tools: [plain] }, [call('ob2', {}, 'plain')], [text('Done.')]);
      other.on('agent_tool_start', () => {
        throw new Error('a hook');
      });
      await agents.run(other, 'Go.').catch(() => undefined);
    });
    expect(decided()).toEqual([]);
  });
});

describe('confirmations of an Anthropic toolset', () => {
  it('are of a call of the toolset, and not of an action that happens to be around it', async () => {
    const require = createRequire(join(FRAMEWORKS, 'anthropic/package.json'));
    const { BetaAbstractComputerToolset20260801: Base } = require('@anthropic-ai/sdk/helpers/beta/toolsets') as {
      BetaAbstractComputerToolset20260801: new (options: object) => { run(context: object, use: object): Promise<unknown> };
    };
    class Computer extends Base {
      async left_click() {}
    }
    const use = { type: 'tool_use', id: 'tu1', name: 'left_click', toolset_name: 'computer', input: { coordinate: [1, 2] } };
    const tries = [true, false].map((answer) =>
      runAction({ tool: { name: 'desktop' }, arguments: {}, awaited: 'promise' }, async () => {
        const toolset = new Computer({ confirm: async () => answer });
        return toolset.run({ toolUse: use }, use).then(
          () => 'clicked',
          () => 'not clicked',
        );
      }),
    );
    expect(await Promise.all(tries)).toEqual(['clicked', 'not clicked']);
    expect(decided()).toEqual([
      [undefined, 'ok'],
      [undefined, 'ok'],
    ]);
  });
});
