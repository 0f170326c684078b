import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digestOf, modelDigest, promptDigest, toolsDigest } from './support/fingerprints.js';
import { FRAMEWORKS, REGISTER, runToEnd } from './support/process.js';
import { claimUnchanged, withAndWithout } from './support/program.js';

const VERSIONS = [
  { version: '1', folder: 'langchain' },
  { version: '0.3', folder: 'langchain-0.3' },
  { version: '0.2', folder: 'langchain-0.2' },
];
const LOADINGS = VERSIONS.flatMap(({ version, folder }) => [
  { name: `@langchain/core ${version} as ES modules`, file: join(FRAMEWORKS, folder, 'core.mjs'), flag: '--import' },
  { name: `@langchain/core ${version} as CommonJS, preloaded by -r`, file: join(FRAMEWORKS, folder, 'core.cjs'), flag: '-r' },
]);

describe.each(LOADINGS)('$name', ({ file, flag }) => {
  const run = withAndWithout(file, { node: [flag, REGISTER] });
  const { links } = run;
  const intents = () => links.kind('action.intent');

  claimUnchanged(run, { lines: 10, links: 21 });

  it('records more than ten calls in one chain', () => {
    expect(intents().length).toBeGreaterThan(10);
    expect(links.kind('session.start')).toHaveLength(1);
  });

  it.each([
    ['h1', 'add', '{"a":1,"b":2}'],
    ['h2', 'add', '{"a":5,"b":1}'],
    ['f1', 'add', '{"a":-1,"b":2}'],
    ['s1', 'add', '{"a":1,"b":2}'],
    ['n2', 'add', '{"a":4,"b":0}'],
    ['t1', 'upper', '"b"'],
  ])('records %s with the arguments that the tool gets', (callId, name, input) => {
    const intent = links.intent(callId);
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
    expect(links.intent('f2')).toBeUndefined();
  });

  it('puts a tool inside of a tool down as begun in that one', () => {
    const inner = links.intent('n2')?.attributes['custody.action.parent.id'];
    const outer = intents().find(({ attributes }) => attributes['gen_ai.tool.name'] === 'twice')?.attributes['custody.action.id'];
    expect(inner).toBe(outer);
  });

  it('gives a call the words that came before it, of a stream too', () => {
    expect([links.intent('h1')?.content['custody.action.reason'], links.intent('s1')?.content['custody.action.reason']]).toEqual([
      'Two sums.',
      'Half a word.',
    ]);
  });

  it('tells errors and aborts apart', () => {
    expect(links.outcome('f1')?.attributes).toMatchObject({ 'custody.action.status': 'error', 'error.type': 'RangeError' });
    const slow = links.kind('action.outcome').find(({ attributes }) => attributes['gen_ai.tool.name'] === 'slow');
    expect(slow?.attributes['custody.action.status']).toBe('cancelled');
  });

  it('measures system prompt, tools and model as they are sent by a model that is called by hand', () => {
    const start = links.kind('session.start')[0]?.attributes;
    expect(start).toMatchObject({
      'custody.fingerprint.system_prompt': promptDigest('You add.'),
      'custody.fingerprint.model': modelDigest('acme', 'scripted-1'),
    });
    expect(start?.['custody.fingerprint.tools']).not.toBe(toolsDigest([]));
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
