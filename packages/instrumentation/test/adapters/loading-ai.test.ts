import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findings, kinds } from '../support/recording.js';
import { AI5, AI7, type Ended, FIXTURES, NODE, NODE_22, REGISTER, runToEnd } from './support/process.js';
import { type Sink, startSink } from './support/sink.js';

const LOADINGS = [
  { name: 'ai 6 as ES module', file: join(FIXTURES, 'ai.mjs'), flag: '--import' },
  { name: 'ai 6 as CommonJS', file: join(FIXTURES, 'ai.cjs'), flag: '--import' },
  { name: 'ai 6 as CommonJS, preloaded by -r', file: join(FIXTURES, 'ai.cjs'), flag: '-r' },
  { name: 'ai 5 as ES module', file: join(AI5, 'ai.mjs'), flag: '--import' },
  { name: 'ai 5 as CommonJS', file: join(AI5, 'ai.cjs'), flag: '--import' },
  { name: 'ai 7', file: join(AI7, 'ai.mjs'), flag: '--import', program: NODE_22 },
  { name: 'ai 7, required by CommonJS', file: join(AI7, 'ai.cjs'), flag: '--import', program: NODE_22 },
  { name: 'ai 7, required by CommonJS, preloaded by -r', file: join(AI7, 'ai.cjs'), flag: '-r', program: NODE_22 },
];

describe.each(LOADINGS)('$name', ({ file, flag, program = NODE }) => {
  let sink: Sink;
  let recorded: Ended;

  beforeAll(async () => {
    sink = await startSink();
    recorded = await runToEnd(file, { endpoint: sink.url, node: [flag, REGISTER], program });
  });
  afterAll(() => sink.close());

  const intents = () => sink.links().filter(({ kind }) => kind === 'action.intent');
  const intentOf = (callId: string) => intents().find(({ attributes }) => attributes['gen_ai.tool.call.id'] === callId);

  it('behaves for the application exactly as it does without', async () => {
    const plain = await runToEnd(file, { node: [], program });
    expect(recorded.stdout).toBe(plain.stdout);
    expect(plain.stdout.split('\n').length).toBeGreaterThan(15);
  });

  it('delivers chains in which a verifier finds nothing', () => {
    expect(findings(sink.links())).toEqual([]);
    expect(sink.links().length).toBeGreaterThan(50);
  });

  it('opens one session for each agent run, and ends it', () => {
    const starts = sink.links().filter(({ kind }) => kind === 'session.start');
    const ends = sink.links().filter(({ kind }) => kind === 'session.end');
    expect(new Set(starts.map(({ session }) => session)).size).toBe(starts.length);
    expect(ends.map(({ session }) => session).sort()).toEqual(starts.map(({ session }) => session).sort());
  });

  it('records every tool call that ran, with its name, arguments and call id', () => {
    const calls = intents().map(({ attributes, content }) => [
      attributes['gen_ai.tool.call.id'],
      attributes['gen_ai.tool.name'],
      content['gen_ai.tool.call.arguments'],
    ]);
    expect(calls).toEqual(
      expect.arrayContaining([
        ['c1', 'add', '{"a":1,"b":2}'],
        ['c2', 'add', '{"a":-1,"b":2}'],
        ['s1', 'add', '{"a":1,"b":2}'],
        ['g1', 'add', '{"a":1,"b":2}'],
        ['m1', 'add', '{"a":1,"b":2}'],
        ['n1', 'add', '{"a":1,"b":3}'],
        ['r1', 'add', '{"a":1,"b":2}'],
        ['p1', 'search', '{"q":"sums"}'],
      ]),
    );
  });

  it.each([
    ['c1', 'text', 'Two sums.'],
    ['c3', 'thinking', 'One more.'],
    ['s2', 'thinking', 'I must add.'],
    ['g1', 'text', 'Adding.'],
    ['p1', 'text', 'Searching.'],
  ])('gives %s the reason that came with it (%s)', (callId, source, reason) => {
    const intent = intentOf(callId);
    expect(intent?.attributes['custody.action.reason.source']).toBe(source);
    expect(intent?.content['custody.action.reason']).toBe(reason);
  });

  it('says of a call without a word that no reason came with it', () => {
    expect(intentOf('m1')?.attributes['custody.action.reason.source']).toBe('none');
  });

  it('tells tools of the agent from those that the provider runs', () => {
    expect(intentOf('c1')?.attributes['gen_ai.tool.type']).toBe('function');
    expect(intentOf('p1')?.attributes['gen_ai.tool.type']).toBe('extension');
  });

  it('puts the tool that threw down as an error of its kind', () => {
    const outcome = sink.links().find(({ kind, attributes }) => kind === 'action.outcome' && attributes['gen_ai.tool.call.id'] === 'c2');
    expect(outcome?.attributes).toMatchObject({ 'custody.action.status': 'error', 'error.type': 'RangeError' });
  });

  it('announces the change when a step goes to another model', () => {
    const { session } = intentOf('m1') ?? { session: '' };
    const chain = sink.links().filter((link) => link.session === session);
    const order = ['session.start', 'action.intent', 'action.outcome', 'fingerprint.change', 'attestation', 'session.end'];
    expect(kinds(chain)).toEqual(order);
    expect(chain.find(({ kind }) => kind === 'fingerprint.change')?.attributes['custody.fingerprint.changed']).toEqual(['model']);
  });

  it('ends aborted runs as cancelled and failed ones as error', () => {
    const outcomes = sink
      .links()
      .flatMap(({ kind, attributes }) => (kind === 'session.end' ? [attributes['custody.session.outcome']] : []));
    expect(outcomes).toContain('cancelled');
    expect(outcomes).toContain('error');
    expect(new Set(outcomes)).toEqual(new Set(['completed', 'cancelled', 'error']));
  });
});
