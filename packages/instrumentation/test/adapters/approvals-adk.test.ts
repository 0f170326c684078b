import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { actionsOf, decisionsOf } from './support/decisions.js';
import { FRAMEWORKS, NODE_22 } from './support/process.js';
import { claimUnchanged, expectAllExecuted, guardedRun, inProcesses, partsOf, withAndWithout, withoutIds } from './support/program.js';

const LOADINGS = [
  { name: 'as ES module', path: join(FRAMEWORKS, 'adk/approvals.mjs') },
  { name: 'as CommonJS', path: join(FRAMEWORKS, 'adk/approvals.cjs') },
];
const program = NODE_22;

/** `[how, call id, what is on record]` */
const DECIDED: readonly (readonly [string, string, readonly (readonly string[])[]])[] = [
  ['approved', 'g1', [['approved', 'ok']]],
  ['denied', 'g2', [['denied', 'denied']]],
  ['one of several that is approved', 'p1', [['approved', 'ok']]],
  ['one of several that is denied', 'p2', [['denied', 'denied']]],
  ['one of several that needs none', 'p3', [['ok']]],
  ['denied while another still waits', 'q1', [['denied', 'denied']]],
  ['approved in a later turn than another', 'q2', [['approved', 'ok']]],
  ['of a tool that asks for some arguments only, with others', 'f1', [['ok']]],
  ['of a tool that asks for some arguments only, with those', 'f2', [['approved', 'ok']]],
  ['never decided', 'n1', []],
  ['approved in words', 't1', [['approved', 'ok']]],
  ['denied in words', 't2', [['denied', 'denied']]],
  ['that a plugin asked about, approved', 's1', [['approved', 'ok']]],
  ['that a plugin asked about, denied', 's2', [['denied', 'denied']]],
  ['of an agent that was handed over to', 'd2', [['approved', 'ok']]],
  ['asked for and decided in one session of the application', 'k1', [['approved', 'ok']]],
  ['approved, and failed', 'b1', [['approved', 'error']]],
  ['with arguments that do not fit', 'b2', []],
];

describe.each(LOADINGS)('confirmations of ADK $name', ({ path }) => {
  const run = withAndWithout(path, { program });
  const { links, recorded } = run;
  const decisions = (callId: string) => decisionsOf(links, callId);

  claimUnchanged(run, { lines: 18, links: 100 }, withoutIds);

  it('have the model told of a call that was denied, as without', () => {
    const [, , denied] = partsOf(recorded(), 'approving');
    expect(denied?.['answered']).toEqual([
      ['adder', { error: 'This tool call is rejected.' }],
      ['adder', 'over'],
    ]);
  });

  it('leave nothing missing that was asked for', () => {
    expectAllExecuted(links);
  });

  it.each(DECIDED)('put down a call that is %s (%s)', (_how, callId, expected) => {
    expect(decisions(callId)).toEqual(expected);
  });

  it('put down a tool that asks from within each time that it is called, and what a human answered in between', () => {
    expect(decisions('y1')).toEqual([['ok'], ['approved', 'ok']]);
    expect(decisions('y2')).toEqual([['ok'], ['denied', 'denied'], ['ok']]);
  });

  it('do not take for an approval what a human was asked for as input', () => {
    const calls = decisions('i1');
    expect(calls.length).toBeGreaterThan(0);
    expect(calls.flat()).not.toContain('approved');
  });

  it.each(['g1', 'g2'])('keep what was said when the model asked for the call (%s)', (callId) => {
    expect(links.reason(callId)).toEqual(['text', 'Now.']);
  });

  it('bind the decision to the arguments of the call', () => {
    expect(actionsOf(links, 'p1')).toEqual([['send', '{"to":"ann"}', ['approved'], 'ok']]);
  });

  it('make no link that nobody asked for', () => {
    const decided = DECIDED.flatMap(([, , expected]) => expected).filter(([said]) => said !== 'ok');
    expect(links.kind('approval').length).toBe(decided.length + 2);
  });
});

it.concurrent.each(LOADINGS)(
  'confirmations of ADK $name do not overrule a policy, which may deny what a human approved, or ask another one',
  async ({ path }) => {
    const { stdout, links } = await guardedRun(path, { VETO: 'settle', APPROVE: 'send' }, { program });
    expect(['g1', 'g2', 'p1', 'p2'].map((callId) => decisionsOf(links, callId))).toEqual([
      [['approved', 'denied']],
      [['denied', 'denied']],
      [['approved', 'approved by bob@example.com', 'ok']],
      [['denied', 'denied']],
    ]);
    expect(partsOf(stdout, 'approving')[0]['answered']).toEqual([
      ['adder', { error: "Error in tool 'settle': The call of settle was refused by policy (blocked): not here." }],
      ['adder', 'over'],
    ]);
  },
);

it('confirmations of ADK are on record when the answer comes in another process', () =>
  inProcesses({ program }, async ({ ran, links }) => {
    const path = join(FRAMEWORKS, 'adk/approvals.mjs');
    await ran(path, 'ask');
    expect(links.kind('action.intent')).toEqual([]);
    const stdout = await ran(path, 'answer');
    expect([decisionsOf(links, 'e1'), decisionsOf(links, 'e2')]).toEqual([[['approved', 'ok']], [['denied', 'denied']]]);
    expect(JSON.parse(stdout)).toEqual([
      ['adder', { result: 'paid' }, { error: 'This tool call is rejected.' }],
      ['adder', 'over'],
    ]);
  }));
