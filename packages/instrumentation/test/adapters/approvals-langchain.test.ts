import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decisionsIn } from '../../src/adapters/langchain/review.js';
import { actionsOf, decidedCalls } from './support/decisions.js';
import { FRAMEWORKS } from './support/process.js';
import { claimUnchanged, expectAllExecuted, guardedRun, inProcesses, withAndWithout } from './support/program.js';

const MODULE = join(FRAMEWORKS, 'langchain/approvals.mjs');
const COMMON = join(FRAMEWORKS, 'langchain/approvals.cjs');
const LOADINGS = [
  { name: 'as ES modules', file: MODULE },
  { name: 'as CommonJS', file: COMMON },
];
/** The calls of the program that a human decides about, once for each run of theirs. */
const DECIDED = 'al1 al2 ap1 bh1 bh2 de1 de1 de2 ed1 ed2 id1 mx2 ne1 ne2 po1 po2 rj1 rj2 st1'.split(' ');
const YES = ['approved'];
const NO = ['denied'];

describe.each(LOADINGS)('approvals of langchain 1 and LangGraph 1 $name', ({ file }) => {
  const run = withAndWithout(file);
  const { links } = run;
  const of = (callId: string) => actionsOf(links, callId);

  claimUnchanged(run, { lines: 25, links: 100 });

  it('attest to all that was to run', () => {
    expectAllExecuted(links);
  });

  it('stand between intent and outcome of the call that was approved, and not of the one beside it that needs none', () => {
    expect(of('ap1')).toEqual([['add', '{"a":1,"b":1}', YES, 'ok']]);
    expect(of('ap2')).toEqual([['note', '{"text":"x"}', [], 'ok']]);
    expect(links.reason('ap1')).toEqual(['text', 'Both.']);
  });

  it('are there when the run is streamed, and when an interrupt is answered by its id', () => {
    expect(of('st1')).toEqual([['add', '{"a":1,"b":1}', YES, 'ok']]);
    expect(of('id1')).toEqual([['add', '{"a":1,"b":1}', YES, 'ok']]);
  });

  it('say of a call that was rejected that it was asked for, denied, and never ran', () => {
    expect(of('rj1')).toEqual([['add', '{"a":1}', NO, 'denied']]);
    expect(of('rj2')).toEqual([['add', '{"a":2}', NO, 'denied']]);
    expect(links.reason('rj1')).toEqual(['text', 'May I?']);
    const denied = ['action.intent', 'approval', 'action.outcome'];
    expect(links.kindsOf('rj1')).toEqual(['session.start', ...denied, ...denied, 'attestation', 'session.end']);
  });

  it('are of what the human made of a call: other arguments, another tool', () => {
    expect(of('ed1')).toEqual([['add', '{"a":10,"b":10}', YES, 'ok']]);
    expect(of('ed2')).toEqual([['note', '{"text":"instead"}', YES, 'ok']]);
  });

  it('are each of its own call where calls are alike', () => {
    expect(of('al1')).toEqual([['add', '{"a":1,"b":1}', YES, 'ok']]);
    expect(of('al2')).toEqual([['add', '{"a":2,"b":1}', YES, 'ok']]);
  });

  it('do not outlast the answer that they are about: beside a rejected call nothing runs, and an id that comes again is another call', () => {
    expect(of('mx1')).toEqual([['note', '{"text":"again"}', [], 'ok']]);
    expect(of('mx2')).toEqual([['add', '{"a":2}', NO, 'denied']]);
    expect(of('mx3')).toEqual([]);
  });

  it('are of nothing while nobody has decided, or not as the application allows', () => {
    for (const callId of ['nv1', 'nv2', 'rf1', 'rf2']) expect(of(callId)).toEqual([]);
  });

  it('are of no arguments but those that the human saw', () => {
    expect(of('ch1')).toEqual([['add', '{"a":99,"b":1}', [], 'ok']]);
  });

  it('are in the session of the agent that asked, inside another graph', () => {
    expect(of('ne1')).toEqual([['add', '{"a":1,"b":1}', YES, 'ok']]);
    expect(of('ne2')).toEqual([['add', '{"a":2}', NO, 'denied']]);
    for (const callId of ['ne1', 'ne2']) expect(links.sessionOf(callId)[0]?.attributes['gen_ai.agent.name']).toBe('inner');
  });

  it('go with a call that pauses its graph to ask for more, and runs again', () => {
    expect(of('de1')).toEqual([
      ['delegate', '{"task":"Add."}', YES, 'cancelled'],
      ['delegate', '{"task":"Add."}', YES, 'ok'],
    ]);
    expect(of('de2')).toEqual([['add', '{"a":7,"b":1}', YES, 'ok']]);
  });

  it("are there where a node of the application's own asks in the middleware's form, once, however often it hears the answer", () => {
    expect(of('bh1')).toEqual([['add', '{"a":1}', NO, 'denied']]);
    expect(of('bh2')).toEqual([['add', '{"a":2,"b":1}', YES, 'ok']]);
  });

  it('are not made of other questions: those of a tool that has begun, or in other words', () => {
    expect(of('qu1').map(([, , decisions, status]) => [decisions, status])).toEqual([
      [[], 'cancelled'],
      [[], 'ok'],
    ]);
    expect(of('qu2')).toEqual([['note', '{"text":"y"}', [], 'ok']]);
  });

  it('are all of these and no more', () => {
    expect(of('po1')).toEqual([['pay', '{"to":"eve"}', YES, 'ok']]);
    expect(of('po2')).toEqual([['add', '{"a":1,"b":1}', YES, 'ok']]);
    expect(decidedCalls(links)).toEqual(DECIDED);
  });
});

it.concurrent('a decision is recorded by the process that hears of it, from what another one kept', () =>
  inProcesses({}, async ({ ran, links }) => {
    await ran(COMMON, 'ask');
    expect(decidedCalls(links)).toEqual([]);
    const answered = await ran(MODULE, 'answer');
    expect(answered).toBe(await ran(MODULE, 'answer', { node: [] }));
    expect(actionsOf(links, 'el1')).toEqual([['add', '{"a":1,"b":1}', YES, 'ok']]);
    expect(actionsOf(links, 'el2')).toEqual([['note', '{"text":"x"}', [], 'ok']]);
    expect(actionsOf(links, 'el3')).toEqual([['add', '{"a":3}', NO, 'denied']]);
    expect(links.reason('el3')).toEqual(['text', 'From here.']);
    expect(decidedCalls(links)).toEqual(['el1', 'el3']);
  }));

it.concurrent("a policy's no stands against a human's yes, and whom a policy asks is asked all the same", async () => {
  const { stdout, links } = await guardedRun(MODULE, { VETO: 'pay', APPROVE: 'note' });
  expect(actionsOf(links, 'po1')).toEqual([['pay', '{"to":"eve"}', YES, 'denied']]);
  expect(links.intent('po1')?.attributes['custody.policy.decision']).toBe('deny');
  expect(actionsOf(links, 'po2')).toEqual([['add', '{"a":1,"b":1}', YES, 'ok']]);
  expect(actionsOf(links, 'ed2')).toEqual([['note', '{"text":"instead"}', [...YES, 'approved by bob@example.com'], 'ok']]);
  expect(stdout).toContain('The call of pay was refused by policy (blocked): not here.');
});

it('a decision is not seen where LangGraph was loaded first, while what runs is recorded', () =>
  inProcesses({ node: [] }, async ({ ran, links }) => {
    await ran(MODULE, 'ask');
    const stdout = await ran(join(FRAMEWORKS, 'langchain/approvals-late.mjs'), 'answer');
    expect(actionsOf(links, 'el1')).toEqual([['add', '{"a":1,"b":1}', [], 'ok']]);
    expect(decidedCalls(links)).toEqual([]);
    expect(stdout).toContain('[["@langchain/core","armed"],["langchain","armed"],["@langchain/langgraph","armed"]]');
  }));

describe('what an answer to an interrupt decides', () => {
  const call = (id: string, args: object = { a: 1 }) => ({ id, name: 'add', args, type: 'tool_call' });
  const state = (...calls: object[]) => [{ tool_calls: calls }, { content: 'a later word' }];
  const request = (args: object = { a: 1 }) => ({ name: 'add', args });
  const asked = (...actionRequests: object[]) => ({
    actionRequests,
    reviewConfigs: [{ actionName: 'add', allowedDecisions: ['approve', 'edit', 'reject'] }],
  });
  const decided = (question: unknown, answer: unknown, messages: object[]) =>
    decisionsIn(question, answer, messages).map((one) => [one.call.id, one.runs?.args]);
  const yes = { type: 'approve' };

  it('is each call in its turn', () => {
    const decisions = [yes, { type: 'edit', editedAction: { name: 'add', args: { a: 9 } } }, { type: 'reject' }];
    const question = asked(request(), request({ a: 2 }), request({ a: 3 }));
    expect(decided(question, { decisions }, state(call('1'), call('2', { a: 2 }), call('3', { a: 3 }), call('4', { a: 4 })))).toEqual([
      ['1', { a: 1 }],
      ['2', { a: 9 }],
      ['3', undefined],
    ]);
  });

  it('is nothing where it cannot be told which of several calls was meant, unless the very arguments tell', () => {
    const calls = [call('1'), call('2')] as const;
    expect(decided(asked(request()), { decisions: [yes] }, state(...calls))).toEqual([]);
    expect(decided(asked(request(calls[1].args)), { decisions: [yes] }, state(...calls))).toEqual([['2', { a: 1 }]]);
    expect(decided(asked(request(), request()), { decisions: [yes, { type: 'reject' }] }, state(...calls))).toEqual([
      ['1', { a: 1 }],
      ['2', undefined],
    ]);
  });

  it.each([
    ['a word', 'Shall I?', 'yes'],
    ['too few decisions', asked(request(), request()), { decisions: [yes] }],
    ['a decision of another kind', asked(request()), { decisions: [{ type: 'respond', message: 'later' }] }],
    [
      'one that was not allowed',
      { ...asked(request()), reviewConfigs: [{ actionName: 'add', allowedDecisions: ['reject'] }] },
      { decisions: [yes] },
    ],
    ['one about another tool', asked({ name: 'other', args: { a: 1 } }), { decisions: [yes] }],
    ['an edit without arguments', asked(request()), { decisions: [{ type: 'edit', editedAction: { name: 'add' } }] }],
    ['a rejection with a message that is no text', asked(request()), { decisions: [{ type: 'reject', message: 1 }] }],
    ['arguments that nobody asked for', asked(request({ a: 2 })), { decisions: [yes] }],
  ])('is nothing for %s', (_, question, answer) => {
    expect(decided(question, answer, state(call('1')))).toEqual([]);
  });
});
