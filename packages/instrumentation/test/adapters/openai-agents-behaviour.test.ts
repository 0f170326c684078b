import { fingerprintDigest, systemPromptValue, toolsValue } from '@agent-custody/chain';
import { trace } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configure } from '../../src/global.js';
import type { Guard } from '../../src/guard.js';
import { nodeHashing } from '../../src/hashing.js';
import { session } from '../../src/session.js';
import { deferred, findings, kinds, type Recording, record } from '../support/recording.js';
import { loadOpenAiAgents } from './support/openai-agents.js';

const { agents, agent, call, text, add, Scripted } = await loadOpenAiAgents();

let recording: Recording;
beforeEach(() => {
  recording = record();
});
afterEach(async () => {
  expect(findings(recording.links())).toEqual([]);
  await recording.stop();
});

const digestOf = (component: string, value: unknown) => fingerprintDigest(component, value, nodeHashing);
const ends = () => recording.kind('session.end').map(({ attributes }) => attributes['custody.session.outcome']);
const statuses = () => recording.kind('action.outcome').map(({ attributes }) => attributes['custody.action.status']);
const deny = (tool: string): Guard => ({
  decide: (action) =>
    action.tool.name === tool ? { decision: 'deny', rule: 'blocked', reason: 'not here' } : { decision: 'allow', rule: 'all' },
});
const refusal = (tool: string) => `The call of ${tool} was refused by policy (blocked): not here.`;
const outputsOf = (result: { history: { type: string; output?: unknown }[] }) =>
  result.history.filter(({ type }) => type.endsWith('_result') || type.endsWith('_output')).map(({ output }) => output);
const plain = { type: 'object', properties: {}, required: [], additionalProperties: false };

describe('a call that a policy refuses', () => {
  it('is told to the model as the result of a function, and the run goes on', async () => {
    configure({ guard: deny('add') });
    const result = await agents.run(agent({}, [call('v1', { a: 1, b: 2 })], [text('Then not.')]), 'Add.');
    expect(outputsOf(result)).toEqual([{ type: 'text', text: refusal('add') }]);
    expect(result.finalOutput).toBe('Then not.');
    expect(statuses()).toEqual(['denied']);
  });

  it('is told as the answer of a shell and of an editor, neither of which is touched', async () => {
    const untouched = (): never => {
      throw new Error('it ran');
    };
    const tools = [
      agents.shellTool({ shell: { run: untouched } }),
      agents.applyPatchTool({ editor: { createFile: untouched, updateFile: untouched, deleteFile: untouched } }),
    ];
    const guard: Guard = { decide: () => ({ decision: 'deny', rule: 'blocked', reason: 'not here' }) };
    configure({ guard });
    const shell = { type: 'shell_call', callId: 'v2', status: 'completed', action: { commands: ['rm'] } };
    const patch = { type: 'apply_patch_call', callId: 'v3', status: 'completed', operation: { type: 'delete_file', path: '/a' } };
    const result = await agents.run(agent({ tools }, [shell, patch], [text('Then not.')]), 'Delete.');
    expect(JSON.stringify(outputsOf(result))).toContain(refusal('shell'));
    expect(JSON.stringify(outputsOf(result))).toContain(refusal('apply_patch'));
    expect(statuses()).toEqual(['denied', 'denied']);
  });

  it('does not move the computer', async () => {
    const done: string[] = [];
    const screen = {
      environment: 'browser',
      dimensions: [1, 1],
      screenshot: async () => 'aW1n',
      click: async () => void done.push('click'),
    };
    const computer = { ...screen };
    for (const name of ['doubleClick', 'drag', 'keypress', 'move', 'scroll', 'type', 'wait'])
      Object.assign(computer, { [name]: async () => {} });
    configure({ guard: { decide: () => ({ decision: 'deny', rule: 'blocked' }) } });
    const click = { type: 'computer_call', callId: 'v4', status: 'completed', action: { type: 'click', x: 1, y: 1, button: 'left' } };
    const result = await agents.run(agent({ tools: [agents.computerTool({ computer })] }, [click], [text('Then not.')]), 'Click.');
    expect([result.finalOutput, done]).toEqual(['Then not.', []]);
    expect(statuses()).toEqual(['denied']);
  });
});

it('waits for an approval that a policy requires before the function runs', async () => {
  const asked = deferred<{ go: boolean; approvals: { decision: 'approved'; approver: string }[] }>();
  configure({ guard: { decide: () => ({ decision: 'require_approval', rule: 'large', wait: () => asked.promise }) } });
  const ran: string[] = [];
  const pay = agents.tool({ name: 'pay', description: 'Pays', parameters: plain, execute: () => ran.push('paid') });
  const run = agents.run(agent({ tools: [pay] }, [call('w1', {}, 'pay')], [text('Paid.')]), 'Pay.');
  await expect.poll(() => recording.kind('action.intent').length).toBe(1);
  expect(ran).toEqual([]);
  asked.resolve({ go: true, approvals: [{ decision: 'approved', approver: 'bob@example.com' }] });
  expect((await run).finalOutput).toBe('Paid.');
  expect(ran).toEqual(['paid']);
  expect(recording.kind('approval')[0]?.attributes['custody.approval.approver']).toBe('bob@example.com');
});

it('measures what the model is sent: instructions, functions, handoffs, hosted tools without their credentials, and the model', async () => {
  const other = new agents.Agent({ name: 'Other', handoffDescription: 'Knows more' });
  const mcp = agents.hostedMcpTool({ serverLabel: 'docs', serverUrl: 'http://127.0.0.1:9', authorization: 'secret' });
  await agents.run(agent({ handoffs: [other], tools: [add, mcp] }, [text('Hi.')]), 'Hi.');
  const start = recording.kind('session.start')[0]?.attributes;
  expect(start).toMatchObject({
    'custody.fingerprint.system_prompt': digestOf('system_prompt', systemPromptValue('You add.')),
    'custody.fingerprint.model': digestOf('model', { provider: 'Scripted', name: 'scripted-1' }),
  });
  const rotated = agents.hostedMcpTool({ serverLabel: 'docs', serverUrl: 'http://127.0.0.1:9', authorization: 'another' });
  await agents.run(agent({ handoffs: [other], tools: [add, rotated] }, [text('Hi.')]), 'Hi.');
  const [first, second] = recording.kind('session.start').map(({ attributes }) => attributes['custody.fingerprint.tools']);
  expect(first).toBe(second);
  expect(first).not.toBe(digestOf('tools', toolsValue([])));
});

it('digests exactly the tool that is sent', async () => {
  const own = agents.tool({ name: 'own', description: 'Its own', parameters: plain, execute: () => 'ok' });
  await agents.run(agent({ tools: [own] }, [text('Hi.')]), 'Hi.');
  const tools = toolsValue([{ name: 'own', description: 'Its own', parameters: plain }]);
  expect(recording.kind('session.start')[0]?.attributes['custody.fingerprint.tools']).toBe(digestOf('tools', tools));
});

it('announces instructions that change from one model call to the next before the call that they lead to', async () => {
  let turn = 0;
  const one = agent({ instructions: () => `Turn ${turn++}.` }, [call('t1', { a: 1, b: 1 })], [call('t2', { a: 1, b: 1 })], [text('Done.')]);
  await agents.run(one, 'Add.');
  expect(kinds(recording.links()).slice(0, 6)).toEqual([
    'session.start',
    'action.intent',
    'action.outcome',
    'fingerprint.change',
    'action.intent',
    'action.outcome',
  ]);
});

it("makes the application's spans inside a tool children of the tool's", async () => {
  const traced = agents.tool({
    name: 'traced',
    description: 'Makes a span',
    parameters: plain,
    execute: () => trace.getTracer('app').startActiveSpan('inside', (span) => span.end()),
  });
  await agents.run(agent({ tools: [traced] }, [call('n1', {}, 'traced')], [text('Done.')]), 'Go.');
  const spanOf = (name: string) => recording.spans().find((span) => span.name === name);
  expect(spanOf('inside')?.parentSpanContext?.spanId).toBe(spanOf('execute_tool traced')?.spanContext().spanId);
});

it('runs 64 calls of one response in one chain, all at once', async () => {
  let running = 0;
  const all = deferred<void>();
  const meet = agents.tool({
    name: 'meet',
    description: 'Waits for the others',
    parameters: plain,
    execute: async () => {
      if (++running === 64) all.resolve();
      await all.promise;
    },
  });
  const asked = Array.from({ length: 64 }, (_, at) => call(`m${at}`, {}, 'meet'));
  await agents
    .run(agent({ tools: [meet] }, asked, [text('Met.')]), 'Meet.', { stream: true })
    .then((result: { completed: unknown }) => result.completed);
  await expect.poll(ends).toEqual(['completed']);
  expect(recording.kind('action.intent')).toHaveLength(64);
  expect(new Set(recording.links().map((link) => link.session)).size).toBe(1);
});

it('keeps runs apart that go on at the same time with the same call ids', async () => {
  const run = (words: string) => agents.run(agent({}, [text(words), call('same', { a: 1, b: 1 })], [text('2')]), 'Add.');
  await Promise.all([run('one'), run('two'), run('three')]);
  const reasons = recording.kind('action.intent').map(({ content }) => content['custody.action.reason']);
  expect(reasons.sort()).toEqual(['one', 'three', 'two']);
  expect(ends()).toEqual(['completed', 'completed', 'completed']);
});

it('joins the session that the application opened, of a stream too', async () => {
  await session({ agent: { id: 'outer' } }, async () => {
    await agents.run(agent({}, [call('a1', { a: 1, b: 1 })], [text('2')]), 'Add.');
    const stream = await agents.run(agent({}, [call('a2', { a: 1, b: 1 })], [text('2')]), 'Add.', { stream: true });
    await stream.completed;
  });
  await expect.poll(ends).toEqual(['completed']);
  expect(recording.kind('session.start')).toHaveLength(1);
  expect(recording.kind('action.intent')).toHaveLength(2);
});

it('ends a stream that was cancelled as cancelled, after the tool that is under way', async () => {
  const begun = deferred<void>();
  const finish = deferred<void>();
  const slow = agents.tool({
    name: 'slow',
    description: 'Waits',
    parameters: plain,
    execute: async () => {
      begun.resolve();
      await finish.promise;
    },
  });
  const controller = new AbortController();
  const stream = await agents.run(agent({ tools: [slow] }, [call('x1', {}, 'slow')], [text('Done.')]), 'Go.', {
    stream: true,
    signal: controller.signal,
  });
  stream.completed.catch(() => undefined);
  await begun.promise;
  controller.abort();
  expect(ends()).toEqual([]);
  finish.resolve();
  await expect.poll(ends).toEqual(['cancelled']);
});

it('leaves the promise of the framework as it is: what nobody handles stays unhandled', async () => {
  const seen: unknown[] = [];
  const listener = (reason: unknown) => void seen.push(reason);
  process.prependListener('unhandledRejection', listener);
  const others = process.listeners('unhandledRejection').filter((one) => one !== listener);
  for (const other of others) process.off('unhandledRejection', other);
  void agents.run(agent({}, new TypeError('nobody listens')), 'Add.');
  await expect.poll(() => seen.map(String)).toEqual(['TypeError: nobody listens']);
  process.off('unhandledRejection', listener);
  for (const other of others) process.on('unhandledRejection', other);
});

it('records agents that an application runs with a runner of its own class', async () => {
  class Own extends agents.Runner {}
  const one = new agents.Agent({ name: 'One', model: new Scripted([call('y1', { a: 1, b: 1 })], [text('2')]), tools: [add] });
  expect((await new Own().run(one, 'Add.')).finalOutput).toBe('2');
  expect(recording.kind('action.intent')).toHaveLength(1);
});

it('does not hold against a session of the application what a run that failed was about to do', async () => {
  await session({ agent: { id: 'outer' } }, async () => {
    const one = agent({}, [call('u1', { a: 1, b: 1 }), call('u2', {}, 'unknown')]);
    await expect(agents.run(one, 'Add.')).rejects.toThrow('unknown');
  });
  expect(ends()).toEqual(['completed']);
  expect(recording.kind('attestation')[0]?.attributes['custody.attestation.unexecuted']).toBeUndefined();
});

it('puts an approval of a hosted tool down once, though every later run is sent it again', async () => {
  const label = { server_label: 'docs' };
  const data = { type: 'mcp_approval_request', id: 'q1', name: 'find', arguments: '{}', ...label };
  const request = { type: 'hosted_tool_call', id: 'q1', name: 'mcp_approval_request', status: 'completed', providerData: data };
  const onApproval = async () => ({ approve: false });
  const mcp = agents.hostedMcpTool({ serverLabel: 'docs', serverUrl: 'http://127.0.0.1:9', requireApproval: 'always', onApproval });
  const one = agent({ tools: [mcp] }, [request], [text('Not then.')], [text('Bye.')]);
  const first = await agents.run(one, 'Find.');
  await agents.run(one, [...first.history, agents.user('Bye.')]);
  expect(statuses()).toEqual(['denied']);
});
