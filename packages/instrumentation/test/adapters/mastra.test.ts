import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { modelDigest, promptDigest } from './support/fingerprints.js';
import { FRAMEWORKS, NODE_22 } from './support/process.js';
import { claimUnchanged, expectAllExecuted, guardedRun, partOf, withAndWithout } from './support/program.js';

const LOADINGS = [
  { name: 'as ES module', file: 'mastra/app.mjs' },
  { name: 'as CommonJS', file: 'mastra/app.cjs' },
];

describe.each(LOADINGS)('an agent of Mastra $name', ({ file }) => {
  const path = join(FRAMEWORKS, file);
  const run = withAndWithout(path, { program: NODE_22 });
  const { links, spans } = run;

  claimUnchanged(run, { lines: 18, links: 90 });

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
      'custody.fingerprint.system_prompt': promptDigest('You add numbers.'),
      'custody.fingerprint.model': modelDigest('mock-provider', 'mock-model-id'),
    });
    const changes = rest.filter(({ kind }) => kind === 'fingerprint.change');
    expect(changes.map(({ attributes }) => attributes['custody.fingerprint.changed'])).toEqual([['model', 'tools']]);
    expect(changes[0]?.attributes['custody.fingerprint.model']).toBe(modelDigest('mock-provider', 'other'));
  });

  it('tells errors, timeouts and aborts apart, and ends the sessions accordingly', () => {
    expect(links.outcome('f1')?.attributes).toMatchObject({ 'custody.action.status': 'error', 'error.type': 'RangeError' });
    expect([links.call('a1')[2], links.call('o1')[2], links.call('u3')[2]]).toEqual(['cancelled', 'timeout', 'error']);
    expect(['c1', 's1', 'f1', 'a1'].map((id) => links.outcomeOf(id))).toEqual(['completed', 'completed', 'completed', 'cancelled']);
    const outcomes = links.kind('session.end').map(({ attributes }) => attributes['custody.session.outcome']);
    expect(outcomes.filter((outcome) => outcome === 'error')).toHaveLength(1);
  });

  it('attests what the models asked for, without what a hook or the framework kept from running', () => {
    expectAllExecuted(links);
    expect(links.attested()).toEqual(expect.arrayContaining(['2 2', '1 1', '0 0']));
    for (const callId of ['h2', 'u1']) expect(links.intent(callId)).toBeUndefined();
  });

  it('makes the run of an agent under another one a child of the call that started it', () => {
    const parent = links.intent('d1');
    const [child] = links.sessionOf('d2');
    expect(child?.session).not.toBe(parent?.session);
    expect(child?.attributes).toMatchObject({ 'custody.parent.session.id': parent?.session, 'gen_ai.agent.name': 'Helper' });
    expect(links.kindsOf('d1')).toContain('child.spawn');
  });

  it('nests the spans of the application in the tool', () => {
    expect(spans().find(({ name }) => name === 'inside the tool')?.parentSpanId).toBe(links.outcome('l1')?.spanId);
  });

  it('opens a session for each run unless one is open, in the conversation that the thread is', () => {
    expect(links.sessionOf('k1')).toEqual(links.sessionOf('k2'));
    expect(links.sessionOf('k1')[0]?.attributes['gen_ai.agent.id']).toBe('grouped');
    expect(links.sessionOf('w1')[0]?.attributes).toMatchObject({ 'gen_ai.agent.id': 'bot', 'gen_ai.conversation.id': 'thread-7' });
  });

  it('tells the model of a call that a policy refuses, waits for one that needs an approval, and the run goes on', async () => {
    const { stdout, links: guarded } = await guardedRun(path, { VETO: 'pay', APPROVE: 'add' }, { program: NODE_22 });
    const refused = partOf<{ told: unknown; said: unknown }>(stdout, 'refusing');
    expect(refused).toMatchObject({
      said: 'over',
      told: [
        ['r1', { type: 'error-text', value: 'The call of pay was refused by policy (blocked): not here.' }],
        ['r2', { type: 'json', value: 2 }],
      ],
    });
    expect([guarded.call('r1')[2], guarded.call('r2')[2]]).toEqual(['denied', 'ok']);
    expect(guarded.kind('approval').length).toBeGreaterThan(6);
  });
});
