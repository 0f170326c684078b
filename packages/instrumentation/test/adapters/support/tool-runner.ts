import { expect, it } from 'vitest';
import { expectAllExecuted, guardedRun, type Program, partOf } from './program.js';

/**
 * Claims what holds for the tool runner of every version of `@anthropic-ai/sdk`, for which there is one program.
 *
 * @param removes whether a tool can be taken away from a runner on its way: a call of it does not run then
 */
export function claimToolRunner({ links, spans }: Program, removes: boolean): void {
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

  it('tells errors, timeouts and aborts apart, and ends the sessions accordingly', () => {
    expect(links.outcome('f1')?.attributes).toMatchObject({ 'custody.action.status': 'error', 'error.type': 'RangeError' });
    expect([links.call('a1')[2], links.call('o1')[2]]).toEqual(['cancelled', 'timeout']);
    expect(['p1', 'f1', 'a1', 'o1'].map((id) => links.outcomeOf(id))).toEqual(['completed', 'completed', 'cancelled', 'completed']);
  });

  it('attests what the models asked for, without what was honestly not run', () => {
    expect(links.attested()).toEqual(expect.arrayContaining(['3 3', '2 2', '1 1', '0 0']));
    expectAllExecuted(links);
    for (const callId of ['z2', 'u1', 'n1', 'b1']) expect(links.intent(callId)).toBeUndefined();
    expect([links.intents('m1').length, links.statuses('m1')]).toEqual(removes ? [0, []] : [1, ['ok']]);
  });

  it('nests the spans of the application, and what a tool does, in the tool', () => {
    expect(spans().find(({ name }) => name === 'inside the tool')?.parentSpanId).toBe(links.outcome('l1')?.spanId);
    const inner = links.kind('action.intent').find(({ attributes }) => attributes['gen_ai.tool.name'] === 'look');
    expect(inner?.attributes['custody.action.parent.id']).toBe(links.intent('l1')?.attributes['custody.action.id']);
  });

  it('opens a session for each run unless one is open', () => {
    expect(links.sessionOf('g1')).toEqual(links.sessionOf('g2'));
    expect(links.sessionOf('g1')[0]?.attributes['gen_ai.agent.id']).toBe('grouped');
    expect(links.sessionOf('p1')[0]?.attributes['gen_ai.agent.id']).toBe('bot');
  });
}

/** Claims that a policy has its way in that program. */
export function claimPolicy(file: string, settings: Readonly<Record<string, string>> = {}): void {
  it('tells the model of a call that a policy refuses, waits for one that needs an approval, and the run goes on', async () => {
    const { stdout, links } = await guardedRun(file, { VETO: 'pay', APPROVE: 'add' }, { env: settings });
    expect(partOf<{ results: unknown }>(stdout, 'refusing').results).toEqual([
      ['r1', 'Error: The call of pay was refused by policy (blocked): not here.', true],
      ['r2', '2', false],
    ]);
    expect([links.call('r1')[2], links.call('r2')[2]]).toEqual(['denied', 'ok']);
    expect(links.kind('approval').length).toBeGreaterThan(6);
  });
}
