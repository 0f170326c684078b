import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ATTR } from '@agent-custody/chain';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { shutDownSessions } from '../../src/exit.js';
import { configure } from '../../src/global.js';
import type { Ruling } from '../../src/guard.js';
import { session } from '../../src/session.js';
import { deferred, findings, type Recording, record } from '../support/recording.js';
import { loadAi } from './support/ai.js';
import { FIXTURES, REGISTER, runToEnd, temporaryFolder } from './support/process.js';
import { startSink } from './support/sink.js';

const { ai, model, call, text, add, schema, until, Model, streamOf, pieces } = loadAi();

let recording: Recording;
beforeEach(() => {
  recording = record();
});
afterEach(() => recording.stop());

interface Part {
  readonly type: string;
  readonly approvalId?: string;
  readonly error?: { readonly message: string };
}

const attested = () =>
  recording
    .kind('attestation')
    .map(({ attributes }) => [
      attributes[ATTR.attestationRequested],
      attributes[ATTR.attestationExecuted],
      attributes[ATTR.attestationUnexecuted] ?? [],
      attributes[ATTR.attestationUnrequested] ?? [],
    ]);
const clean = (count: number) => [count, count, [], []];
const immediate = () => new Promise<void>((resolve) => setImmediate(resolve));
const ended = async (count = 1): Promise<void> => {
  for (let turns = 0; turns < 50 && recording.kind('session.end').length < count; turns++) await immediate();
  expect(recording.kind('session.end')).toHaveLength(count);
};
const expectHonest = () => {
  shutDownSessions();
  expect(findings(recording.links())).toEqual([]);
};

const two = () => [[call('c1', { a: 1, b: 2 }), call('c2', { a: 3, b: 4 })], [text('3 and 7')]];
const options = (more: object = {}) => ({ prompt: 'Add.', tools: { add }, stopWhen: until(5), ...more });

describe('an honest run attests to what was asked for and executed', () => {
  it('with parallel calls', async () => {
    await ai.generateText({ model: model(two()), ...options() });
    expect(attested()).toEqual([clean(2)]);
    expectHonest();
  });

  it('streamed', async () => {
    expect(await ai.streamText({ model: model(two()), ...options() }).text).toBe('3 and 7');
    await ended();
    expect(attested()).toEqual([clean(2)]);
    expectHonest();
  });

  it('by an agent, generated and streamed', async () => {
    const agent = new ai.ToolLoopAgent({ model: model([...two(), ...two()]), tools: { add } });
    await agent.generate({ prompt: 'Add.' });
    await (await agent.stream({ prompt: 'Add.' })).text;
    await ended(2);
    expect(attested()).toEqual([clean(2), clean(2)]);
    expectHonest();
  });

  it('when its steps run out', async () => {
    await ai.generateText({ model: model(two()), ...options({ stopWhen: until(1) }) });
    expect(attested()).toEqual([clean(2)]);
    expectHonest();
  });

  it('with a tool that runs at the client, one that the model made up, and arguments that do not fit', async () => {
    const strict = {
      ...add,
      inputSchema: ai.jsonSchema({ type: 'object' }, { validate: () => ({ success: false, error: new Error('no') }) }),
    };
    const ask = { inputSchema: schema };
    const steps = () => [
      [call('c1', {}, 'ask'), call('c2', {}, 'none'), call('c3', {}, 'strict'), call('c4', { a: 1, b: 1 })],
      [text('hm')],
    ];
    const tools = { add, ask, strict };
    await ai.generateText({ model: model(steps()), ...options({ tools }) });
    await ai.streamText({ model: model(steps()), ...options({ tools }) }).consumeStream();
    await ended(2);
    expect(attested()).toEqual([clean(1), clean(1)]);
    expectHonest();
  });

  it('with a tool that throws, and one that yields', async () => {
    const throwing = {
      ...add,
      execute: () => {
        throw new RangeError('no');
      },
    };
    const yielding = {
      ...add,
      async *execute() {
        yield 1;
        yield 2;
      },
    };
    const steps = () => [[call('c1', {}, 'throwing'), call('c2', {}, 'yielding')], [text('so')]];
    await ai.generateText({ model: model(steps()), ...options({ tools: { throwing, yielding } }) });
    await ai.streamText({ model: model(steps()), ...options({ tools: { throwing, yielding } }) }).consumeStream();
    await ended(2);
    expect(attested()).toEqual([clean(2), clean(2)]);
    expectHonest();
  });

  it('when a human approves a call that a later run executes, or denies it', async () => {
    const careful = { ...add, needsApproval: true };
    for (const approved of [true, false]) {
      const first = await ai.generateText({ model: model([[call('c1', { a: 1, b: 1 })]]), ...options({ tools: { add: careful } }) });
      const { approvalId } = first.content.find(({ type }: Part) => type === 'tool-approval-request');
      const answer = { role: 'tool', content: [{ type: 'tool-approval-response', approvalId, approved }] };
      const messages = [{ role: 'user', content: 'Add.' }, ...first.response.messages, answer];
      await ai.generateText({ model: model([[text('2')]]), messages, tools: { add: careful } });
      const streamed = ai.streamText({ model: model([[text('2')]]), messages, tools: { add: careful } });
      await streamed.consumeStream();
    }
    await ended(6);
    expect(
      attested().every(([requested, , unexecuted, unrequested]) => requested === 0 && !String(unexecuted) && !String(unrequested)),
    ).toBe(true);
    expectHonest();
  });

  it('when the application repairs a call', async () => {
    const repair = async ({ toolCall }: { toolCall: object }) => ({ ...toolCall, toolName: 'add' });
    const steps = [[call('c1', { a: 1, b: 2 }, 'plus')], [text('3')]];
    await ai.generateText({ model: model(steps), ...options({ experimental_repairToolCall: repair }) });
    expect(recording.kind('action.intent')).toHaveLength(1);
    expect(attested()).toEqual([[0, 1, [], []]]);
    expectHonest();
  });

  it('when it is aborted before its tools run, and a session goes on after it', async () => {
    await session({ agent: { id: 'bot' } }, async () => {
      const controller = new AbortController();
      const aborting = { ...add, execute: () => controller.signal.throwIfAborted() };
      const result = ai.streamText({
        model: model([[call('c1', {}, 'aborting'), call('c2', { a: 1, b: 1 })]]),
        ...options({ tools: { add, aborting }, abortSignal: controller.signal, onError: () => undefined }),
      });
      for await (const part of result.fullStream) if (part.type === 'tool-call') controller.abort();
      await ai.generateText({ model: model([[call('c3', { a: 1, b: 1 })], [text('2')]]), ...options() });
    });
    await ended();
    expect(attested()).toEqual([[expect.any(Number), expect.any(Number), [], []]]);
    expectHonest();
  });

  it.each(['break', 'never read'])('of whose stream the reader leaves (%s)', async (how) => {
    const left = new Model({ doStream: async () => ({ stream: streamOf(pieces([text('wait'), call('c1', { a: 1, b: 1 })])) }) });
    const result = ai.streamText({ model: left, ...options() });
    if (how === 'break') for await (const _ of result.textStream) break;
    shutDownSessions();
    expectHonest();
  });

  it('that fails half way, in a session that goes on', async () => {
    const broken = model([[call('c1', { a: 1, b: 1 })], () => Promise.reject(new Error('the provider is down'))]);
    await session({ agent: { id: 'bot' } }, async () => {
      await expect(ai.generateText({ model: broken, ...options({ maxRetries: 0 }) })).rejects.toThrow('the provider is down');
      await ai.generateText({ model: model([[text('hi')]]), ...options() });
    });
    expect(attested()).toEqual([clean(1)]);
    expectHonest();
  });

  it('in a session of the application’s own that does not await it', async () => {
    const running: Promise<unknown>[] = [];
    session({ agent: { id: 'bot' } }, () => void running.push(ai.generateText({ model: model(two()), ...options() })));
    await Promise.all(running);
    await ended();
    expect(attested()).toEqual([clean(2)]);
    expectHonest();
  });
});

it('calls that the framework runs around the patch are found', async () => {
  // It was loaded first, together with the package that executes its tools: the hook sees who asks, and not who executes.
  const early = join(temporaryFolder(), 'early.mjs');
  const path = createRequire(import.meta.url)
    .resolve('ai')
    .replace(/index\.js$/, 'index.mjs');
  writeFileSync(early, `import ${JSON.stringify(pathToFileURL(path).href)};`);
  const sink = await startSink();
  const { stdout, stderr } = await runToEnd(join(FIXTURES, 'app.mjs'), {
    endpoint: sink.url,
    node: ['--import', early, '--import', REGISTER],
  });
  await sink.close();
  expect(stdout).toBe('result: over\n');
  expect(stderr).toContain('UNARMED: ai ');
  expect(sink.links().find(({ kind }) => kind === 'attestation')?.attributes[ATTR.attestationUnexecuted]).toHaveLength(1);
  expect(findings(sink.links())).toEqual([expect.stringContaining('unattested_call')]);
});

describe('a guard', () => {
  const denial: Ruling = { decision: 'deny', rule: 'blocked_tools/add', reason: 'not today' };

  it.each(['generated', 'streamed'])('refuses a call, the model is told, and the run goes on (%s)', async (how) => {
    configure({ guard: { decide: ({ tool }) => (tool.callId === 'c1' ? denial : { decision: 'allow', rule: 'rest' }) } });
    const ran: string[] = [];
    const tool = { ...add, execute: (_: unknown, { toolCallId }: { toolCallId: string }) => ran.push(toolCallId) };
    const given = { model: model(two()), ...options({ tools: { add: tool } }) };
    const result = how === 'generated' ? await ai.generateText(given) : ai.streamText(given);
    const steps = (await result.steps) as readonly { readonly content: readonly Part[] }[];
    const told = steps[0]?.content.filter(({ type }) => type === 'tool-error').map(({ error }) => error?.message);
    await ended();
    expect(told).toEqual(['The call of add was refused by policy (blocked_tools/add): not today.']);
    expect([ran, await result.text]).toEqual([['c2'], '3 and 7']);
    expect(recording.kind('action.outcome').map(({ attributes }) => attributes[ATTR.actionStatus])).toContain('denied');
    expect(attested()).toEqual([clean(2)]);
    expectHonest();
  });

  it('has a call wait for an approval, of a generator too', async () => {
    const asked = deferred<{ go: boolean; approvals: { decision: 'approved' }[] }>();
    configure({ guard: { decide: () => ({ decision: 'require_approval', rule: 'all', wait: () => asked.promise }) } });
    const yielding = {
      ...add,
      async *execute() {
        yield 'half';
        yield 'whole';
      },
    };
    const running = ai.generateText({
      model: model([[call('c1', { a: 1, b: 2 }), call('c2', {}, 'yielding')], [text('done')]]),
      ...options({ tools: { add, yielding } }),
    });
    asked.resolve({ go: true, approvals: [{ decision: 'approved' }] });
    const { steps } = await running;
    expect(steps[0].toolResults.map(({ output }: { output: unknown }) => output)).toEqual([3, 'whole']);
    expect(recording.kind('approval')).toHaveLength(2);
    expect(attested()).toEqual([clean(2)]);
    expectHonest();
  });
});
