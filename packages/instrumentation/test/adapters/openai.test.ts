import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { modelDigest, promptDigest, toolsDigest } from './support/fingerprints.js';
import { FRAMEWORKS, NODE, NODE_22 } from './support/process.js';
import { claimUnchanged, expectAllExecuted, guardedRun, partOf, withAndWithout } from './support/program.js';

const LOADINGS = [
  { name: 'openai 6 as ES module', file: 'openai/app.mjs', program: NODE },
  { name: 'openai 6 as CommonJS', file: 'openai/app.cjs', program: NODE },
  { name: 'openai 7 as ES module', file: 'openai7/app.mjs', program: NODE_22 },
  { name: 'openai 7 as CommonJS', file: 'openai7/app.cjs', program: NODE_22 },
];

describe.each(LOADINGS)('$name', ({ file, program }) => {
  const path = join(FRAMEWORKS, file);
  const run = withAndWithout(path, { program });
  const { links, plain, spans } = run;

  claimUnchanged(run, { lines: 14, links: 60 });

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
    const sent = JSON.parse(plain().split('\n')[0] ?? '').requests[0];
    const tools = sent.tools.map(({ function: { name, description, parameters } }: { function: Record<string, unknown> }) => ({
      name: String(name),
      description: String(description),
      parameters,
    }));
    expect(start?.attributes).toMatchObject({
      'custody.fingerprint.system_prompt': promptDigest(['You add numbers.']),
      'custody.fingerprint.tools': toolsDigest(tools),
      'custody.fingerprint.model': modelDigest('openai', 'gpt-x'),
    });
  });

  it('tells errors, timeouts and aborts apart, and ends the sessions accordingly', () => {
    expect(links.outcome('f1')?.attributes).toMatchObject({ 'custody.action.status': 'error', 'error.type': 'RangeError' });
    expect([links.call('a1')[2], links.call('t1')[2]]).toEqual(['cancelled', 'timeout']);
    expect(['p1', 'f1', 'a1', 't1'].map((id) => links.outcomeOf(id))).toEqual(['completed', 'error', 'cancelled', 'error']);
  });

  it('attests what the models asked for, without what was honestly not run', () => {
    expect(links.attested()).toEqual(expect.arrayContaining(['4 4', '4 4', '1 1', '2 2', '0 0']));
    expectAllExecuted(links);
    expect(links.intent('o2')).toBeUndefined();
    expect(links.intent('z4')).toBeUndefined();
  });

  it('nests the spans of the application, and what a tool does, in the tool', () => {
    const span = spans().find(({ name }) => name === 'inside the tool');
    expect(span?.parentSpanId).toBe(links.outcome('n1')?.spanId);
    const inner = links.kind('action.intent').find(({ attributes }) => attributes['gen_ai.tool.name'] === 'look');
    expect(inner?.attributes['custody.action.parent.id']).toBe(links.intent('n1')?.attributes['custody.action.id']);
  });

  it('opens a session for each run unless one is open', () => {
    expect(links.sessionOf('g1')).toEqual(links.sessionOf('g2'));
    expect(links.sessionOf('p1').map(({ attributes }) => attributes['gen_ai.agent.id'])).toContain('bot');
    expect(links.sessionOf('g1')[0]?.attributes['gen_ai.agent.id']).toBe('grouped');
  });
});

describe.each(LOADINGS.filter(({ file }) => file.endsWith('.mjs')))('$name under a policy', ({ file, program }) => {
  it('tells the model of a call that is refused, waits for one that needs an approval, and the run goes on', async () => {
    const { stdout, links } = await guardedRun(join(FRAMEWORKS, file), { VETO: 'pay', APPROVE: 'add' }, { program });
    const refused = partOf<{ messages: readonly { content: string }[] }>(stdout, 'refusing');
    expect(refused.messages.map(({ content }) => content)).toEqual(['The call of pay was refused by policy (blocked): not here.', '2']);
    expect([links.call('r1')[2], links.call('r2')[2]]).toEqual(['denied', 'ok']);
    expect(links.kind('approval').length).toBeGreaterThan(8);
  });
});
