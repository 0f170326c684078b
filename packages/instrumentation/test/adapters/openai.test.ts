import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fingerprintDigest, systemPromptValue, toolsValue } from '@agent-custody/chain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeHashing } from '../../src/hashing.js';
import { findings } from '../support/recording.js';
import { linksIn } from './support/links.js';
import { factsOf, type Shown } from './support/observed-facts.js';
import { type Ended, FRAMEWORKS, GUARDED, NODE, NODE_22, runToEnd, versionIn } from './support/process.js';
import { observed, reach } from './support/reach.js';
import { type Sink, startSink } from './support/sink.js';

const LOADINGS = [
  { name: 'openai 6 as ES module', file: 'openai/app.mjs', program: NODE },
  { name: 'openai 6 as CommonJS', file: 'openai/app.cjs', program: NODE },
  { name: 'openai 7 as ES module', file: 'openai7/app.mjs', program: NODE_22 },
  { name: 'openai 7 as CommonJS', file: 'openai7/app.cjs', program: NODE_22 },
];
const vetoed = new Set<string>();
/** What each loading showed, for the table in the README. */
const seen = new Map<string, Shown & { readonly timedOut: boolean }>();
const digestOf = (component: string, value: unknown) => fingerprintDigest(component, value, nodeHashing);

describe.each(LOADINGS)('$name', ({ file, program }) => {
  const path = join(FRAMEWORKS, file);
  let sink: Sink;
  let recorded: Ended;
  let plain: Ended;
  let links: ReturnType<typeof linksIn>;

  beforeAll(async () => {
    expect(existsSync(program)).toBe(true);
    sink = await startSink();
    links = linksIn(sink);
    const env = { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: sink.url };
    [recorded, plain] = await Promise.all([runToEnd(path, { endpoint: sink.url, program, env }), runToEnd(path, { node: [], program })]);
  });
  afterAll(() => sink.close());

  it('behaves for the application exactly as it does without', () => {
    expect(recorded.stdout).toBe(plain.stdout);
    expect(plain.stdout.split('\n').length).toBeGreaterThan(14);
  });

  it('delivers chains in which a verifier finds nothing', () => {
    expect(findings(sink.links())).toEqual([]);
    expect(sink.links().length).toBeGreaterThan(60);
  });

  it('records each call with the arguments that the function got and the id that the model gave it, parallel ones too', () => {
    const calls = ['p1', 'p2', 'p3', 'p4', 's1', 'z1', 'z2', 'z3', 'z5', 'q1', 'q2'].map((id) => links.call(id));
    expect(calls).toEqual([
      ['add', '{"a":1,"b":2}', 'ok'],
      ['add', '{"a":3,"b":4}', 'ok'],
      ['add', '{"a":1,"b":2}', 'ok'],
      ['add', '{"a":5,"b":6}', 'ok'],
      ['add', '{"a":1,"b":2}', 'ok'],
      ['lazy', '{"late":1}', 'ok'],
      ['zod', '{"n":3}', 'ok'],
      ['text', '{"a":1}', 'ok'],
      ['secret', '{}', 'ok'],
      ['add', '{"a":1,"b":2}', 'ok'],
      ['add', '{"a":3,"b":4}', 'ok'],
    ]);
    expect(links.intent('p1')?.attributes['gen_ai.tool.type']).toBe('function');
  });

  it.each([
    ['p1', 'text', 'Two sums.'],
    ['p4', 'thinking', 'One more.'],
    ['s1', 'text', 'Streaming.'],
    ['q1', 'none', undefined],
  ])('gives %s the reason that came with it (%s)', (callId, source, reason) => {
    expect(links.reason(callId)).toEqual([source, reason]);
  });

  it('measures the system prompt, the tools and the model as they were sent', () => {
    const start = links.sessionOf('p1').find(({ kind }) => kind === 'session.start');
    const sent = JSON.parse(plain.stdout.split('\n')[0] ?? '').requests[0];
    const tools = sent.tools.map(({ function: { name, description, parameters } }: { function: Record<string, unknown> }) => ({
      name: String(name),
      description: String(description),
      parameters,
    }));
    expect(start?.attributes).toMatchObject({
      'custody.fingerprint.system_prompt': digestOf('system_prompt', systemPromptValue(['You add numbers.'])),
      'custody.fingerprint.tools': digestOf('tools', toolsValue(tools)),
      'custody.fingerprint.model': digestOf('model', { provider: 'openai', name: 'gpt-x' }),
    });
  });

  it('tells errors, timeouts and aborts apart, and ends the sessions accordingly', () => {
    expect(links.outcome('f1')?.attributes).toMatchObject({ 'custody.action.status': 'error', 'error.type': 'RangeError' });
    expect([links.call('a1')[2], links.call('t1')[2]]).toEqual(['cancelled', 'timeout']);
    expect(['p1', 'f1', 'a1', 't1'].map((id) => links.outcomeOf(id))).toEqual(['completed', 'error', 'cancelled', 'error']);
  });

  it('attests what the models asked for, without what was honestly not run', () => {
    expect(links.attested()).toEqual(expect.arrayContaining(['4 4', '4 4', '1 1', '2 2', '0 0']));
    for (const counts of links.attested()) expect(counts.split(' ')[0]).toBe(counts.split(' ')[1]);
    expect(links.intent('o2')).toBeUndefined();
    expect(links.intent('z4')).toBeUndefined();
  });

  it('nests the spans of the application, and what a tool does, in the tool', () => {
    const span = sink.spans().find(({ name }) => name === 'inside the tool');
    expect(span?.parentSpanId).toBe(links.outcome('n1')?.spanId);
    const inner = links.kind('action.intent').find(({ attributes }) => attributes['gen_ai.tool.name'] === 'look');
    expect(inner?.attributes['custody.action.parent.id']).toBe(links.intent('n1')?.attributes['custody.action.id']);
  });

  it('shows what is reachable', () => {
    const calls = { call: ['p1', '{"a":1,"b":2}'], parallel: 'p2', streamed: 's1', reasoned: 'p1', failed: 'f1', stopped: 'a1' } as const;
    const shown = { sink, links, plain: plain.stdout, recorded: recorded.stdout, ...calls, nested: 'n1' };
    seen.set(file, { ...shown, timedOut: links.call('t1')[2] === 'timeout' });
    expect(factsOf(shown).arguments).toBe('yes');
  });

  it('opens a session for each run unless one is open', () => {
    expect(links.sessionOf('g1')).toEqual(links.sessionOf('g2'));
    expect(links.sessionOf('p1').map(({ attributes }) => attributes['gen_ai.agent.id'])).toContain('bot');
    expect(links.sessionOf('g1')[0]?.attributes['gen_ai.agent.id']).toBe('grouped');
  });
});

describe.each(LOADINGS.filter(({ file }) => file.endsWith('.mjs')))('$name under a policy', ({ file, program }) => {
  it('tells the model of a call that is refused, waits for one that needs an approval, and the run goes on', async () => {
    const sink = await startSink();
    const env = { VETO: 'pay', APPROVE: 'add' };
    const { stdout } = await runToEnd(join(FRAMEWORKS, file), { endpoint: sink.url, program, env, node: GUARDED });
    const refused = JSON.parse(stdout.split('\n').find((line) => line.includes('"refusing"')) ?? '');
    expect(refused.messages.map(({ content }: { content: string }) => content)).toEqual([
      'The call of pay was refused by policy (blocked): not here.',
      '2',
    ]);
    expect([linksIn(sink).call('r1')[2], linksIn(sink).call('r2')[2]]).toEqual(['denied', 'ok']);
    expect(linksIn(sink).kind('approval').length).toBeGreaterThan(8);
    vetoed.add(file);
    expect(findings(sink.links())).toEqual([]);
    await sink.close();
  });
});

it.each([
  ['openai 6', 'openai'],
  ['openai 7', 'openai7'],
])('what is reachable of %s is what the README says', async (framework, folder) => {
  const [esm, cjs] = [seen.get(`${folder}/app.mjs`), seen.get(`${folder}/app.cjs`)];
  if (esm === undefined || cjs === undefined) throw new Error('the programs have not run');
  await reach(framework, versionIn(folder, 'openai'), {
    ...factsOf(esm),
    timeout: observed(esm.timedOut, 'an error like any other'),
    veto: observed(vetoed.has(`${folder}/app.mjs`), 'it runs'),
    cjs: factsOf(cjs).esm,
    node: folder === 'openai7' ? 'no: needs Node 22' : 'yes',
  });
});
