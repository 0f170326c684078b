import { join } from 'node:path';
import { fingerprintDigest, systemPromptValue, toolsValue } from '@agent-custody/chain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeHashing } from '../../src/hashing.js';
import { findings } from '../support/recording.js';
import { type Ended, FRAMEWORKS, REGISTER, runToEnd } from './support/process.js';
import { type Sink, startSink } from './support/sink.js';

const VERSIONS = [
  { version: '1', folder: 'langchain' },
  { version: '0.3', folder: 'langchain-0.3' },
  { version: '0.2', folder: 'langchain-0.2' },
];
const LOADINGS = VERSIONS.flatMap(({ version, folder }) => [
  { name: `@langchain/core ${version} as ES modules`, file: join(FRAMEWORKS, folder, 'core.mjs'), flag: '--import' },
  { name: `@langchain/core ${version} as CommonJS, preloaded by -r`, file: join(FRAMEWORKS, folder, 'core.cjs'), flag: '-r' },
]);

const digestOf = (component: string, value: unknown) => fingerprintDigest(component, value, nodeHashing);

describe.each(LOADINGS)('$name', ({ file, flag }) => {
  let sink: Sink;
  let recorded: Ended;

  beforeAll(async () => {
    sink = await startSink();
    recorded = await runToEnd(file, { endpoint: sink.url, node: [flag, REGISTER] });
  });
  afterAll(() => sink.close());

  const intents = () => sink.links().filter(({ kind }) => kind === 'action.intent');
  const intentOf = (callId: string) => intents().find(({ attributes }) => attributes['gen_ai.tool.call.id'] === callId);
  const outcomeOf = (callId: string) =>
    sink.links().find(({ kind, attributes }) => kind === 'action.outcome' && attributes['gen_ai.tool.call.id'] === callId)?.attributes;

  it('behaves for the application exactly as it does without', async () => {
    const plain = await runToEnd(file, { node: [] });
    expect(recorded.stdout).toBe(plain.stdout);
    expect(plain.stdout.split('\n').length).toBeGreaterThan(10);
  });

  it('delivers a chain in which a verifier finds nothing', () => {
    expect(findings(sink.links())).toEqual([]);
    expect(intents().length).toBeGreaterThan(10);
  });

  it.each([
    ['h1', 'add', '{"a":1,"b":2}'],
    ['h2', 'add', '{"a":5,"b":1}'],
    ['f1', 'add', '{"a":-1,"b":2}'],
    ['s1', 'add', '{"a":1,"b":2}'],
    ['n2', 'add', '{"a":4,"b":0}'],
    ['t1', 'upper', '"b"'],
  ])('records %s with the arguments that the tool gets', (callId, name, input) => {
    const intent = intentOf(callId);
    expect(intent?.attributes['gen_ai.tool.name']).toBe(name);
    expect(intent?.attributes['gen_ai.tool.type']).toBe('function');
    expect(intent?.content['gen_ai.tool.call.arguments']).toBe(input);
  });

  it('records what the application runs without a call id too', () => {
    const inputs = intents().map(({ attributes, content }) => [attributes['gen_ai.tool.name'], content['gen_ai.tool.call.arguments']]);
    expect(inputs).toEqual(
      expect.arrayContaining([
        ['add', '{"a":7,"b":7}'],
        ['lower', '"B"'],
        ['twice', '{"a":4}'],
        ['slow', '{}'],
      ]),
    );
  });

  it('does not record as run what the schema refused', () => {
    expect(intentOf('f2')).toBeUndefined();
  });

  it('puts a tool inside of a tool down as begun in that one', () => {
    const inner = intentOf('n2')?.attributes['custody.action.parent.id'];
    const outer = intents().find(({ attributes }) => attributes['gen_ai.tool.name'] === 'twice')?.attributes['custody.action.id'];
    expect(inner).toBe(outer);
  });

  it('gives a call the words that came before it, of a stream too', () => {
    expect([intentOf('h1')?.content['custody.action.reason'], intentOf('s1')?.content['custody.action.reason']]).toEqual([
      'Two sums.',
      'Half a word.',
    ]);
  });

  it('tells errors and aborts apart', () => {
    expect(outcomeOf('f1')).toMatchObject({ 'custody.action.status': 'error', 'error.type': 'RangeError' });
    const slow = sink.links().find(({ kind, attributes }) => kind === 'action.outcome' && attributes['gen_ai.tool.name'] === 'slow');
    expect(slow?.attributes['custody.action.status']).toBe('cancelled');
  });

  it('measures system prompt, tools and model as they are sent by a model that is called by hand', () => {
    const start = sink.links().find(({ kind }) => kind === 'session.start')?.attributes;
    expect(start).toMatchObject({
      'custody.fingerprint.system_prompt': digestOf('system_prompt', systemPromptValue('You add.')),
      'custody.fingerprint.model': digestOf('model', { provider: 'acme', name: 'scripted-1' }),
    });
    expect(start?.['custody.fingerprint.tools']).not.toBe(digestOf('tools', toolsValue([])));
    expect(start?.['custody.fingerprint.tools']).not.toBe(digestOf('tools', null));
  });
});

it('LangChain that was imported before the instrumentation is patched where it is', async () => {
  const { stdout } = await runToEnd(join(FRAMEWORKS, 'langchain/late.mjs'), { node: [] });
  const { adapters, sessions } = JSON.parse(stdout.split('\n')[1] ?? '') as {
    adapters: { framework: string; state: string }[];
    sessions: { opened: number };
  };
  expect(adapters.map(({ framework, state }) => [framework, state])).toEqual([
    ['@langchain/core', 'armed'],
    ['@langchain/langgraph', 'armed'],
  ]);
  expect(sessions.opened).toBe(1);
});
