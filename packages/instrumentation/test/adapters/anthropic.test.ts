import { join } from 'node:path';
import { fingerprintDigest, systemPromptValue, toolsValue } from '@agent-custody/chain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeHashing } from '../../src/hashing.js';
import { findings } from '../support/recording.js';
import { linksIn } from './support/links.js';
import { factsOf, type Shown } from './support/observed-facts.js';
import { type Ended, FRAMEWORKS, GUARDED, runToEnd, versionIn } from './support/process.js';
import { observed, reach } from './support/reach.js';
import { type Sink, startSink } from './support/sink.js';

const LOADINGS = [
  { name: 'as ES module', file: 'anthropic/app.mjs' },
  { name: 'as CommonJS', file: 'anthropic/app.cjs' },
];
/** What each loading showed, for the table in the README. */
const seen = new Map<string, Shown & { readonly timedOut: boolean }>();
const vetoed = new Set<string>();
const digestOf = (component: string, value: unknown) => fingerprintDigest(component, value, nodeHashing);

describe.each(LOADINGS)('the tool runner of @anthropic-ai/sdk $name', ({ file }) => {
  const path = join(FRAMEWORKS, file);
  let sink: Sink;
  let recorded: Ended;
  let plain: Ended;
  let links: ReturnType<typeof linksIn>;

  beforeAll(async () => {
    sink = await startSink();
    links = linksIn(sink);
    const env = { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: sink.url };
    [recorded, plain] = await Promise.all([runToEnd(path, { endpoint: sink.url, env }), runToEnd(path, { node: [] })]);
  });
  afterAll(() => sink.close());

  it('behaves for the application exactly as it does without', () => {
    expect(recorded.stdout).toBe(plain.stdout);
    expect(plain.stdout.split('\n').length).toBeGreaterThan(16);
  });

  it('delivers chains in which a verifier finds nothing', () => {
    expect(findings(sink.links())).toEqual([]);
    expect(sink.links().length).toBeGreaterThan(60);
  });

  it('records each call with the arguments that the tool got and the id that the model gave it: parallel, streamed and eager ones too', () => {
    expect(['p1', 'p2', 'p3', 's1', 'e1', 'e2', 'z1', 'z3', 'n2'].map((id) => links.call(id))).toEqual([
      ['add', '{"a":1,"b":2}', 'ok'],
      ['add', '{"a":3,"b":4}', 'ok'],
      ['add', '{"a":5,"b":6}', 'ok'],
      ['add', '{"a":1,"b":2}', 'ok'],
      ['add', '{"a":1,"b":2}', 'ok'],
      ['add', '{"a":2,"b":2}', 'ok'],
      ['zod', '{"n":5}', 'ok'],
      ['special', '{}', 'ok'],
      ['add', '{"a":2,"b":2}', 'ok'],
    ]);
    expect(links.intent('p1')?.attributes['gen_ai.tool.type']).toBe('function');
  });

  it.each([
    ['p1', 'text', 'Two sums.'],
    ['p3', 'none', undefined],
    ['s1', 'text', 'Streaming.'],
    ['e1', 'text', 'At once.'],
    ['e2', 'text', 'At once.'],
    ['t1', 'thinking', 'I must add.'],
    ['t2', 'encrypted', 'c2VjcmV0'],
    ['n2', 'text', 'Yours.'],
  ])('gives %s the reason that came with it (%s)', (callId, source, reason) => {
    expect(links.reason(callId)).toEqual([source, reason]);
  });

  it('measures system prompt, tools and model as they were sent, also where a thread on the server keeps them', () => {
    const chain = links.sessionOf('p3');
    const [first, second] = JSON.parse(plain.stdout.split('\n')[0] ?? '').requests;
    const tools = [{ name: 'add', description: 'Tool add', parameters: first.tools[0].input_schema }];
    expect(second.tools).toBeUndefined();
    expect(chain.find(({ kind }) => kind === 'session.start')?.attributes).toMatchObject({
      'custody.fingerprint.system_prompt': digestOf('system_prompt', systemPromptValue('You add numbers.')),
      'custody.fingerprint.tools': digestOf('tools', toolsValue(tools)),
      'custody.fingerprint.model': digestOf('model', { provider: 'anthropic', name: 'claude-x' }),
    });
    expect(chain.filter(({ kind }) => kind === 'fingerprint.change')).toEqual([]);
  });

  it('tells errors, timeouts and aborts apart, and ends the sessions accordingly', () => {
    expect(links.outcome('f1')?.attributes).toMatchObject({ 'custody.action.status': 'error', 'error.type': 'RangeError' });
    expect([links.call('a1')[2], links.call('o1')[2]]).toEqual(['cancelled', 'timeout']);
    expect(['p1', 'f1', 'a1', 'o1'].map((id) => links.outcomeOf(id))).toEqual(['completed', 'completed', 'cancelled', 'completed']);
  });

  it('attests what the models asked for, without what was honestly not run', () => {
    expect(links.attested()).toEqual(expect.arrayContaining(['3 3', '2 2', '1 1', '0 0']));
    for (const counts of links.attested()) expect(counts.split(' ')[0]).toBe(counts.split(' ')[1]);
    for (const callId of ['z2', 'u1', 'm1', 'n1', 'b1']) expect(links.intent(callId)).toBeUndefined();
  });

  it('nests the spans of the application, and what a tool does, in the tool', () => {
    expect(sink.spans().find(({ name }) => name === 'inside the tool')?.parentSpanId).toBe(links.outcome('l1')?.spanId);
    const inner = links.kind('action.intent').find(({ attributes }) => attributes['gen_ai.tool.name'] === 'look');
    expect(inner?.attributes['custody.action.parent.id']).toBe(links.intent('l1')?.attributes['custody.action.id']);
  });

  it('shows what is reachable', () => {
    const calls = { call: ['p1', '{"a":1,"b":2}'], parallel: 'p2', streamed: 's1', reasoned: 'p1', failed: 'f1', stopped: 'a1' } as const;
    const shown = { sink, links, plain: plain.stdout, recorded: recorded.stdout, ...calls, nested: 'l1' };
    seen.set(file, { ...shown, timedOut: links.call('o1')[2] === 'timeout' });
    expect(factsOf(shown).arguments).toBe('yes');
  });

  it('opens a session for each run unless one is open', () => {
    expect(links.sessionOf('g1')).toEqual(links.sessionOf('g2'));
    expect(links.sessionOf('g1')[0]?.attributes['gen_ai.agent.id']).toBe('grouped');
    expect(links.sessionOf('p1')[0]?.attributes['gen_ai.agent.id']).toBe('bot');
  });

  it('tells the model of a call that a policy refuses, waits for one that needs an approval, and the run goes on', async () => {
    const guarded = await startSink();
    const env = { VETO: 'pay', APPROVE: 'add' };
    const { stdout } = await runToEnd(path, { endpoint: guarded.url, env, node: GUARDED });
    const refused = JSON.parse(stdout.split('\n').find((line) => line.includes('"refusing"')) ?? '');
    expect(refused.results).toEqual([
      ['r1', 'Error: The call of pay was refused by policy (blocked): not here.', true],
      ['r2', '2', false],
    ]);
    expect([linksIn(guarded).call('r1')[2], linksIn(guarded).call('r2')[2]]).toEqual(['denied', 'ok']);
    expect(linksIn(guarded).kind('approval').length).toBeGreaterThan(6);
    vetoed.add(file);
    expect(findings(guarded.links())).toEqual([]);
    await guarded.close();
  });
});

it('what is reachable of the tool runner is what the README says', async () => {
  const [esm, cjs] = [seen.get('anthropic/app.mjs'), seen.get('anthropic/app.cjs')];
  if (esm === undefined || cjs === undefined) throw new Error('the programs have not run');
  await reach('@anthropic-ai/sdk tool runner', versionIn('anthropic', '@anthropic-ai/sdk'), {
    ...factsOf(esm),
    timeout: observed(esm.timedOut, 'an error like any other'),
    veto: observed(vetoed.size === 2, 'it runs'),
    cjs: factsOf(cjs).esm,
    node: 'yes',
  });
});
