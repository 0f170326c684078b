import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { modelDigest, promptDigest, toolsDigest } from './support/fingerprints.js';
import { FRAMEWORKS } from './support/process.js';
import { claimUnchanged, expectAllExecuted, guardedRun, partOf, withAndWithout } from './support/program.js';

const LOADINGS = [
  { name: 'as ES module', file: 'adk/app.mjs' },
  { name: 'as CommonJS', file: 'adk/app.cjs' },
];
/** Ids that nobody chose. */
const masked = (stdout: string) => stdout.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'id');

describe.each(LOADINGS)('an agent of ADK $name', ({ file }) => {
  const path = join(FRAMEWORKS, file);
  const run = withAndWithout(path);
  const { links, plain, spans } = run;

  claimUnchanged(run, { lines: 20, links: 110 }, masked);

  it('records each call with the arguments that the tool got and the id that the model gave it, whatever the class of the tool', () => {
    expect(['c1', 'c2', 's1', 'h1', 'w1', 'w2', 'i1', 'd1', 'p1', 'p2'].map((id) => links.call(id))).toEqual([
      ['add', '{"a":1,"b":2}', 'ok'],
      ['add', '{"a":3,"b":5}', 'ok'],
      ['add', '{"a":1,"b":2}', 'ok'],
      ['add', '{"a":1,"b":2}', 'ok'],
      ['secret', '{}', 'ok'],
      ['frozen', '{}', 'ok'],
      ['inner', '{"request":"Add 1 and 2."}', 'ok'],
      ['transfer_to_agent', '{"agentName":"helper"}', 'ok'],
      ['meet', '{}', 'ok'],
      ['meet', '{}', 'ok'],
    ]);
    expect(links.intent('c1')?.attributes['gen_ai.tool.type']).toBe('function');
  });

  it('takes the id that the framework gives to a call without one', () => {
    const intent = links.kind('action.intent').find(({ attributes }) => attributes['gen_ai.tool.name'] === 'anonymous');
    expect(intent?.attributes['gen_ai.tool.call.id']).toMatch(/^adk-/);
    expect(intent?.content['custody.action.reason']).toBe('No id.');
  });

  it.each([
    ['c2', 'text', 'Two sums.'],
    ['s1', 'text', 'Streaming.'],
    ['t1', 'thinking', 'I must add.'],
    ['t2', 'encrypted', 'c2VjcmV0'],
    ['q1', 'none', undefined],
    ['d2', 'text', 'For you.'],
  ])('gives %s the reason that came with it (%s)', (callId, source, reason) => {
    expect(links.reason(callId)).toEqual([source, reason]);
  });

  it('measures system prompt, tools and model as they were sent', () => {
    const { requests } = JSON.parse(plain().split('\n')[0] ?? '') as {
      requests: {
        systemInstruction: string;
        tools: { functionDeclarations: { name: string; description: string; parameters: unknown }[] }[];
      }[];
    };
    const [sent] = requests;
    expect(links.sessionOf('c1')[0]?.attributes).toMatchObject({
      'custody.fingerprint.system_prompt': promptDigest([sent?.systemInstruction ?? '']),
      'custody.fingerprint.tools': toolsDigest(sent?.tools[0]?.functionDeclarations ?? []),
      'custody.fingerprint.model': modelDigest('gcp.vertex.agent', 'scripted'),
    });
    expect(links.kindsOf('c1')).not.toContain('fingerprint.change');
  });

  it('tells errors, timeouts and aborts apart, and ends the sessions accordingly', () => {
    expect(links.outcome('f1')?.attributes).toMatchObject({ 'custody.action.status': 'error', 'error.type': 'RangeError' });
    expect([links.call('a1')[2], links.call('o1')[2]]).toEqual(['cancelled', 'timeout']);
    expect(['f1', 'f2', 'a1', 'o1', 'c1'].map((id) => links.outcomeOf(id))).toEqual([
      'completed',
      'error',
      'cancelled',
      'completed',
      'completed',
    ]);
  });

  it('attests what the models asked for, without what a callback, a human or the framework kept from running', () => {
    expectAllExecuted(links);
    expect(links.attested()).toEqual(expect.arrayContaining(['2 2', '1 1', '0 0']));
    for (const callId of ['h2', 'u1', 'u2', 'g1', 'b1']) expect(links.intent(callId)).toBeUndefined();
  });

  it.each([
    ['a tool of', 'i2', 'i1', 'inner'],
    ['handed over to by', 'd2', 'd1', 'helper'],
  ])('makes the run of an agent that is %s another one a child of that one', (_how, call, by, name) => {
    const [child] = links.sessionOf(call);
    expect(child?.attributes).toMatchObject({ 'custody.parent.session.id': links.intent(by)?.session, 'gen_ai.agent.name': name });
  });

  it.each([
    [['q1', 'q2'], 'both'],
    [['p1', 'p2'], 'all'],
  ])('makes the agents of %s children of what runs them', (calls, name) => {
    const starts = calls.map((callId) => links.sessionOf(callId)[0]);
    const parents = new Set(starts.map((start) => start?.attributes['custody.parent.session.id']));
    expect(new Set(starts.map((start) => start?.session)).size).toBe(2);
    expect(parents.size).toBe(1);
    const parent = links.kind('session.start').find(({ session }) => parents.has(session));
    expect(parent?.attributes['gen_ai.agent.name']).toBe(name);
  });

  it('nests the spans of the application in the tool', () => {
    const inside = spans().find(({ name }) => name === 'inside the tool');
    expect(inside?.parentSpanId).toBe(links.outcome('l1')?.spanId);
  });

  it('opens a session for each run unless one is open, in the conversation that the session of ADK is', () => {
    expect(links.sessionOf('k1')).toEqual(links.sessionOf('k2'));
    expect(links.sessionOf('k1')[0]?.attributes['gen_ai.agent.id']).toBe('grouped');
    expect(links.sessionOf('v1')[0]?.attributes).toMatchObject({ 'gen_ai.agent.id': 'bot', 'gen_ai.conversation.id': 'conversation-7' });
  });

  it('tells the model of a call that a policy refuses, waits for one that needs an approval, and the run goes on', async () => {
    const { stdout, links: guarded } = await guardedRun(path, { VETO: 'pay', APPROVE: 'add' });
    const refused = partOf<{ said: unknown }>(stdout, 'refusing');
    expect(refused.said).toEqual([
      ['adder', 'pay', 'add'],
      ['adder', { error: "Error in tool 'pay': The call of pay was refused by policy (blocked): not here." }, { result: 2 }],
      ['adder', 'over'],
    ]);
    expect([guarded.call('r1')[2], guarded.call('r2')[2]]).toEqual(['denied', 'ok']);
    expect(guarded.kind('approval').length).toBeGreaterThan(6);
  });
});
