import { fingerprintDigest, systemPromptValue, toolsValue } from '@agent-custody/chain';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { nodeHashing } from '../../src/hashing.js';
import { session } from '../../src/session.js';
import { findings, type Recording, record } from '../support/recording.js';
import { loadAi } from './support/ai.js';

const { ai, model, call, text, thought, add, until } = loadAi();

let recording: Recording;
beforeEach(() => {
  recording = record();
});
afterEach(async () => {
  expect(findings(recording.links())).toEqual([]);
  await recording.stop();
});

const adding = { tools: { add }, prompt: 'Add.', stopWhen: until(5) };
const schema = { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } }, required: ['a', 'b'] };
const digestOf = (component: string, value: unknown) => fingerprintDigest(component, value, nodeHashing);
const started = () => recording.kind('session.start').map(({ attributes }) => attributes);

it('measures the system prompt and the tools that the model is sent', async () => {
  await ai.generateText({ model: model([[text('hi')]]), system: 'You add numbers.', ...adding });
  await ai.generateText({
    model: model([[text('hi')], [text('hi')]]),
    messages: [{ role: 'user', content: 'hi' }],
    tools: {},
    prompt: undefined,
  });
  const tools = [{ name: 'add', description: 'Adds two numbers', parameters: schema }];
  expect(started()[0]).toMatchObject({
    'custody.fingerprint.system_prompt': digestOf('system_prompt', systemPromptValue('You add numbers.')),
    'custody.fingerprint.tools': digestOf('tools', toolsValue(tools)),
    'custody.fingerprint.model': digestOf('model', { provider: 'mock-provider', name: 'mock-model-id' }),
  });
  expect(started()[1]).toMatchObject({
    'custody.fingerprint.system_prompt': digestOf('system_prompt', ''),
    'custody.fingerprint.tools': digestOf('tools', []),
  });
});

it('announces a system prompt and tools that prepareStep changed before the action that they led to', async () => {
  const steps = [[call('c1', { a: 1, b: 2 })], [call('c2', { a: 1, b: 2 })], [text('done')]];
  const second = { ...add, description: 'Another' };
  await ai.generateText({
    model: model(steps),
    system: 'First.',
    ...adding,
    tools: { add, second },
    activeTools: ['add'],
    prepareStep: ({ stepNumber }: { stepNumber: number }) =>
      stepNumber === 1 ? { system: 'Second.', activeTools: ['add', 'second'] } : undefined,
  });
  const chain = recording.links();
  const change = chain.find(({ kind }) => kind === 'fingerprint.change');
  const intent = chain.find(({ kind, attributes }) => kind === 'action.intent' && attributes['gen_ai.tool.call.id'] === 'c2');
  expect(change?.attributes['custody.fingerprint.changed']).toEqual(['system_prompt', 'tools']);
  expect(change?.seq).toBeLessThan(intent?.seq ?? 0);
  expect(intent?.attributes['custody.fingerprint.system_prompt']).toBe(digestOf('system_prompt', 'Second.'));
});

it('makes an agent that runs inside a tool of another one its child', async () => {
  const inner = async () => (await ai.generateText({ model: model([[call('i1', { a: 1, b: 1 })], [text('2')]]), ...adding })).text;
  const outer = { ...add, execute: inner };
  await ai.generateText({ model: model([[call('o1', { a: 1, b: 1 })], [text('2')]]), ...adding, tools: { add: outer } });
  const spawn = recording.kind('child.spawn')[0];
  const child = started().find((attributes) => attributes['custody.parent.session.id'] !== undefined);
  expect(spawn?.attributes['custody.child.session.id']).toBe(child?.['custody.session.id']);
  expect(recording.kind('session.end')).toHaveLength(2);
});

it('keeps the runs of a session that the application opened in that one session', async () => {
  await session({ agent: { id: 'outer' } }, async () => {
    await ai.generateText({ model: model([[call('a1', { a: 1, b: 1 })], [text('2')]]), ...adding });
    await new ai.ToolLoopAgent({ model: model([[call('b1', { a: 1, b: 1 })], [text('2')]]), tools: { add } }).generate({ prompt: 'Add.' });
  });
  expect(started()).toHaveLength(1);
  expect(recording.kind('action.intent')).toHaveLength(2);
});

it('keeps runs apart that go on at the same time with the same call ids', async () => {
  const run = (words: string) => ai.generateText({ model: model([[text(words), call('same', { a: 1, b: 1 })], [text('2')]]), ...adding });
  await Promise.all([run('one'), run('two'), run('three')]);
  expect(started()).toHaveLength(3);
  const reasons = recording.kind('action.intent').map(({ content, session: id }) => [content['custody.action.reason'], id]);
  expect(new Set(reasons.map(([reason]) => reason))).toEqual(new Set(['one', 'two', 'three']));
  expect(new Set(reasons.map(([, id]) => id)).size).toBe(3);
});

it('takes the words of a call that came before all words from those after it', async () => {
  await ai.generateText({ model: model([[call('c1', { a: 1, b: 1 }), text('I had to.')], [text('2')]]), ...adding });
  expect(recording.kind('action.intent')[0]?.content['custody.action.reason']).toBe('I had to.');
});

it('takes what the assistant says for the reason, and what it thinks only when it says nothing', async () => {
  const both = [thought('Hidden.'), text('Said.'), call('c1', { a: 1, b: 1 })];
  await ai.generateText({ model: model([both, [text('2')]]), ...adding });
  const intent = recording.kind('action.intent')[0];
  expect([intent?.attributes['custody.action.reason.source'], intent?.content['custody.action.reason']]).toEqual(['text', 'Said.']);
});

it('commits to thinking that the provider hands out encrypted only', async () => {
  const hidden = { ...thought(''), providerMetadata: { anthropic: { redactedData: 'c2VjcmV0' } } };
  await ai.generateText({ model: model([[hidden, call('c1', { a: 1, b: 1 })], [text('2')]]), ...adding });
  const intent = recording.kind('action.intent')[0];
  expect([intent?.attributes['custody.action.reason.source'], intent?.content['custody.action.reason']]).toEqual(['encrypted', 'c2VjcmV0']);
});

it('finds name and reason of a call that was approved in an earlier run in the conversation', async () => {
  const approval = { ...add, needsApproval: true };
  const first = await ai.generateText({
    model: model([[text('May I?'), call('c1', { a: 1, b: 1 })]]),
    ...adding,
    tools: { add: approval },
  });
  const { approvalId } = first.content.find((part: { type: string }) => part.type === 'tool-approval-request');
  const answer = { role: 'tool', content: [{ type: 'tool-approval-response', approvalId, approved: true }] };
  const messages = [{ role: 'user', content: 'Add.' }, ...first.response.messages, answer];
  await ai.generateText({ model: model([[text('2')]]), messages, tools: { add: approval } });
  const intent = recording.kind('action.intent')[0];
  expect(intent?.attributes).toMatchObject({ 'gen_ai.tool.name': 'add', 'gen_ai.tool.call.id': 'c1' });
  expect(intent?.content['custody.action.reason']).toBe('May I?');
});

it('ends a run that was aborted as cancelled, whatever the provider threw', async () => {
  const controller = new AbortController();
  const leaving = model([
    () => {
      controller.abort('the user left');
      throw new Error('socket hang up');
    },
  ]);
  const run = ai.generateText({ model: leaving, ...adding, maxRetries: 0, abortSignal: controller.signal });
  await expect(run).rejects.toThrow('socket hang up');
  expect(recording.kind('session.end')[0]?.attributes['custody.session.outcome']).toBe('cancelled');
});
