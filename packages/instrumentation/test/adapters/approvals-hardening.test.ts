import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runAction } from '../../src/action.js';
import { AnthropicRun } from '../../src/adapters/anthropic/run.js';
import { shutDownSessions } from '../../src/exit.js';
import { session, sessionForAction } from '../../src/session.js';
import { findings, type Recording, record } from '../support/recording.js';
import { loadLangchain } from './support/langchain.js';
import { loadOpenAiAgents } from './support/openai-agents.js';
import { FRAMEWORKS } from './support/process.js';

const langchain = await loadLangchain();
const VERSIONS = [
  { version: '0.20', kit: await loadOpenAiAgents() },
  { version: '0.8', kit: await loadOpenAiAgents('openai-agents-0.8') },
];

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
      const same = links.filter((link) => link.session === own && link.attributes['custody.action.id'] === attributes['custody.action.id']);
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

  it('are each on record where a human goes back and decides once more', async () => {
    const one = careful([says('May I?', call('fk1', { a: 1 })), says('Then not.'), says('Done.'), says('Not again.')]);
    await one.invoke(asks, thread('fork'));
    const { config } = await one.getState(thread('fork'));
    await one.invoke(resume(NO), thread('fork'));
    for (const answer of [YES, NO]) await one.invoke(resume(answer), await one.updateState(config, {}));
    expect(decided()).toEqual([
      ['fk1', 'denied', 'denied'],
      ['fk1', 'approved', 'ok'],
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

describe.each(VERSIONS)('approvals of the OpenAI Agents SDK $version', ({ kit, version }) => {
  const { agents, agent, call, text } = kit;
  const careful = agents.tool({
    name: 'careful',
    description: 'Asks first',
    parameters: { type: 'object', properties: {}, required: [], additionalProperties: false },
    strict: true,
    needsApproval: true,
    execute: async () => 'ran',
  });

  it('are on record once where a human decides about one call after the other', async () => {
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

  it('are of calls that a model asked for in another process, also where the session has heard a model before', async () => {
    const one = agent({ tools: [careful] }, [call('os1', {}, 'careful'), call('os2', {}, 'careful')], [text('Done.')]);
    const saved = (await agents.run(one, 'Go.')).state.toString();
    expect(findings(recording.links())).toEqual([]);
    await recording.stop();
    recording = record();
    const state = await agents.RunState.fromString(one, saved);
    const [first, second] = state.getInterruptions();
    state.approve(first);
    state.reject(second);
    await session({ agent: { id: 'mine' } }, async () => {
      await agents.run(agent({}, [text('Which one?')]), 'Sort this.');
      expect((await agents.run(one, state)).finalOutput).toBe('Done.');
    });
    expect(decided()).toEqual([
      ['os1', 'approved', 'ok'],
      ['os2', 'denied', 'denied'],
    ]);
  });

  it('are of a call with the reason of its own, where a provider numbers the calls of each response from one', async () => {
    const steps = [[text('First.'), call('c1', {}, 'careful')], [text('Second.'), call('c1', {}, 'careful')], [text('Done.')]];
    const one = agent({ tools: [careful] }, ...steps);
    const first = await agents.run(one, 'Go.');
    first.state.approve(first.interruptions[0], { alwaysApprove: true });
    expect((await agents.run(one, first.state)).finalOutput).toBe('Done.');
    const why = recording.kind('action.intent').map(({ content }) => content['custody.action.reason']);
    // Newer versions take it for the call that has a result.
    expect(why).toEqual(version === '0.8' ? ['First.', 'Second.'] : ['First.']);
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
    // Older versions run it all the same.
    expect(decided()).toEqual(version === '0.8' ? [['ob1', 'ok']] : []);
  });
});

describe('confirmations of an Anthropic toolset', () => {
  interface Toolset {
    run(context: object, use: object): Promise<unknown>;
  }
  const folder = join(FRAMEWORKS, 'anthropic/node_modules/@anthropic-ai/sdk');
  const require = createRequire(join(folder, 'package.json'));
  const { BetaAbstractComputerToolset20260801: Base } = require(join(folder, 'helpers/beta/toolsets/index.js')) as {
    BetaAbstractComputerToolset20260801: new (options: object) => Toolset;
  };
  const { runToolsetMember } = require(join(folder, 'lib/internal/toolsets/run.js')) as {
    runToolsetMember(toolset: Toolset, use: object): Promise<{ is_error?: boolean }>;
  };
  class Computer extends Base {
    async left_click() {}
  }
  const toolsetAnswering = (...answers: boolean[]): Toolset => new Computer({ confirm: async () => answers.shift() });
  const use = (id: string) => ({ type: 'tool_use', id, name: 'left_click', toolset_name: 'computer', input: { coordinate: [1, 2] } });

  it('are of a call of the toolset, and not of an action that happens to be around it', async () => {
    const byHand = (toolset: Toolset): unknown =>
      runAction({ tool: { name: 'desktop' }, arguments: {}, awaited: 'promise' }, () =>
        toolset.run({ toolUse: use('tu1') }, use('tu1')).then(
          () => 'clicked',
          () => 'not clicked',
        ),
      );
    expect(await Promise.all([true, false].map((answer) => byHand(toolsetAnswering(answer))))).toEqual(['clicked', 'not clicked']);
    expect(decided()).toEqual([
      [undefined, 'ok'],
      [undefined, 'ok'],
    ]);
  });

  it('are of one try of a call: what was declined and is let in the end has run', async () => {
    const toolset = toolsetAnswering(false, true, false, true);
    const call = use('tu2');
    for (let n = 0; n < 2; n++) await runToolsetMember(toolset, call);
    await expect(toolset.run({ toolUse: call }, call)).rejects.toThrow();
    await runToolsetMember(toolset, call);
    expect(decided()).toEqual([
      ['tu2', 'denied', 'denied'],
      ['tu2', 'approved', 'ok'],
      ['tu2', 'approved', 'ok'],
    ]);
  });
});

describe('a loop of an Anthropic tool runner', () => {
  const asks = (id: string) => ({ content: [{ type: 'tool_use', id, name: 'add' }], stop_reason: 'tool_use' });
  async function* replies(id: string): AsyncGenerator<unknown> {
    yield asks(id);
  }
  const begin = async (id: string): Promise<{ run: AnthropicRun; loop: AsyncGenerator<unknown> }> => {
    const run = new AnthropicRun(sessionForAction(), { params: { tools: [] } });
    const loop = run.follow(replies(id));
    await loop.next();
    return { run, loop };
  };

  it('is found by its calls until it is over, and takes no memory where it is left without a word', async () => {
    const { run, loop } = await begin('lp1');
    expect(AnthropicRun.ofCall('lp1')).toBe(run);
    for (let n = 0; n < 10_000; n++) await begin(`left-${n}`);
    expect([AnthropicRun.ofCall('lp1'), AnthropicRun.ofCall('left-9999')]).toEqual([undefined, expect.any(AnthropicRun)]);
    await loop.return(undefined);
    const { loop: other } = await begin('lp2');
    await other.return(undefined);
    expect(AnthropicRun.ofCall('lp2')).toBeUndefined();
  });
});
