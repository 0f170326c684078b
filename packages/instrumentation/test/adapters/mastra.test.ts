import { join } from 'node:path';
import { fingerprintDigest, systemPromptValue } from '@agent-custody/chain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeHashing } from '../../src/hashing.js';
import { findings } from '../support/recording.js';
import { linksIn } from './support/links.js';
import { type Ended, FRAMEWORKS, GUARDED, NODE_22, runToEnd } from './support/process.js';
import { type Sink, startSink } from './support/sink.js';

const LOADINGS = [
  { name: 'as ES module', file: 'mastra/app.mjs' },
  { name: 'as CommonJS', file: 'mastra/app.cjs' },
];
const program = NODE_22;
const digestOf = (component: string, value: unknown) => fingerprintDigest(component, value, nodeHashing);

describe.each(LOADINGS)('an agent of Mastra $name', ({ file }) => {
  const path = join(FRAMEWORKS, file);
  let sink: Sink;
  let recorded: Ended;
  let plain: Ended;
  let links: ReturnType<typeof linksIn>;

  beforeAll(async () => {
    sink = await startSink();
    links = linksIn(sink);
    const env = { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: sink.url };
    [recorded, plain] = await Promise.all([runToEnd(path, { endpoint: sink.url, env, program }), runToEnd(path, { node: [], program })]);
  });
  afterAll(() => sink.close());

  it('behaves for the application exactly as it does without', () => {
    expect(recorded.stdout).toBe(plain.stdout);
    expect(plain.stdout.split('\n').length).toBeGreaterThan(18);
  });

  it('delivers chains in which a verifier finds nothing', () => {
    expect(findings(sink.links())).toEqual([]);
    expect(sink.links().length).toBeGreaterThan(90);
  });

  it('records each call with the arguments that the model gave and its id: parallel and streamed ones, and tools of a single step', () => {
    expect(['c1', 'c2', 's1', 's2', 'p1', 'p2', 'h1', 'x1', 'x2', 'l1', 'g1'].map((id) => links.call(id))).toEqual([
      ['add', '{"a":1,"b":2}', 'ok'],
      ['add', '{"a":3,"b":4}', 'ok'],
      ['add', '{"a":1,"b":2}', 'ok'],
      ['add', '{"a":2,"b":2}', 'ok'],
      ['meet', '{}', 'ok'],
      ['meet', '{}', 'ok'],
      ['add', '{"a":1,"b":2}', 'ok'],
      ['add', '{"a":1,"b":2}', 'ok'],
      ['late', '{}', 'ok'],
      ['look', '{}', 'ok'],
      ['settle', '{}', 'ok'],
    ]);
    expect(links.intent('c1')?.attributes['gen_ai.tool.type']).toBe('function');
  });

  it.each([
    ['c2', 'text', 'Two sums.'],
    ['s1', 'text', 'Streaming.'],
    ['s2', 'none', undefined],
    ['t1', 'thinking', 'I must add.'],
    ['t2', 'none', undefined],
    ['g1', 'text', 'Paying.'],
  ])('gives %s the reason that came with it (%s)', (callId, source, reason) => {
    expect(links.reason(callId)).toEqual([source, reason]);
  });

  it('measures what each model call really sends, another model and other tools in a step of their own too', () => {
    const [start, ...rest] = links.sessionOf('x1');
    expect(start?.attributes).toMatchObject({
      'custody.fingerprint.system_prompt': digestOf('system_prompt', systemPromptValue('You add numbers.')),
      'custody.fingerprint.model': digestOf('model', { provider: 'mock-provider', name: 'mock-model-id' }),
    });
    const changes = rest.filter(({ kind }) => kind === 'fingerprint.change');
    expect(changes.map(({ attributes }) => attributes['custody.fingerprint.changed'])).toEqual([['model', 'tools']]);
    expect(changes[0]?.attributes['custody.fingerprint.model']).toBe(digestOf('model', { provider: 'mock-provider', name: 'other' }));
  });

  it('tells errors, timeouts and aborts apart, and ends the sessions accordingly', () => {
    expect(links.outcome('f1')?.attributes).toMatchObject({ 'custody.action.status': 'error', 'error.type': 'RangeError' });
    expect([links.call('a1')[2], links.call('o1')[2], links.call('u3')[2]]).toEqual(['cancelled', 'timeout', 'error']);
    expect(['c1', 's1', 'f1', 'a1'].map((id) => links.outcomeOf(id))).toEqual(['completed', 'completed', 'completed', 'cancelled']);
    const outcomes = links.kind('session.end').map(({ attributes }) => attributes['custody.session.outcome']);
    expect(outcomes.filter((outcome) => outcome === 'error')).toHaveLength(1);
  });

  it('attests what the models asked for, without what a hook, a human or the framework kept from running', () => {
    for (const counts of links.attested()) expect(counts.split(' ')[0]).toBe(counts.split(' ')[1]);
    expect(links.attested()).toEqual(expect.arrayContaining(['2 2', '1 1', '0 0']));
    for (const callId of ['h2', 'u1', 'g2']) expect(links.intent(callId)).toBeUndefined();
  });

  it('makes the run of an agent under another one a child of the call that started it', () => {
    const parent = links.intent('d1');
    const [child] = links.sessionOf('d2');
    expect(child?.session).not.toBe(parent?.session);
    expect(child?.attributes).toMatchObject({ 'custody.parent.session.id': parent?.session, 'gen_ai.agent.name': 'Helper' });
    expect(links.kindsOf('d1')).toContain('child.spawn');
  });

  it('nests the spans of the application in the tool', () => {
    expect(sink.spans().find(({ name }) => name === 'inside the tool')?.parentSpanId).toBe(links.outcome('l1')?.spanId);
  });

  it('opens a session for each run unless one is open, in the conversation that the thread is', () => {
    expect(links.sessionOf('k1')).toEqual(links.sessionOf('k2'));
    expect(links.sessionOf('k1')[0]?.attributes['gen_ai.agent.id']).toBe('grouped');
    expect(links.sessionOf('w1')[0]?.attributes).toMatchObject({ 'gen_ai.agent.id': 'bot', 'gen_ai.conversation.id': 'thread-7' });
  });

  it('tells the model of a call that a policy refuses, waits for one that needs an approval, and the run goes on', async () => {
    const guarded = await startSink();
    const { stdout } = await runToEnd(path, { endpoint: guarded.url, env: { VETO: 'pay', APPROVE: 'add' }, node: GUARDED, program });
    const refused = JSON.parse(stdout.split('\n').find((line) => line.includes('"refusing"')) ?? '') as { told: unknown; said: unknown };
    expect(refused).toMatchObject({
      said: 'over',
      told: [
        ['r1', { type: 'error-text', value: 'The call of pay was refused by policy (blocked): not here.' }],
        ['r2', { type: 'json', value: 2 }],
      ],
    });
    expect([linksIn(guarded).call('r1')[2], linksIn(guarded).call('r2')[2]]).toEqual(['denied', 'ok']);
    expect(linksIn(guarded).kind('approval').length).toBeGreaterThan(6);
    expect(findings(guarded.links())).toEqual([]);
    await guarded.close();
  });
});
