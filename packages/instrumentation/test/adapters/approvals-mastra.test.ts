import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Decision } from '../../src/adapters/mastra/decision.js';
import { MastraRun } from '../../src/adapters/mastra/run.js';
import { session } from '../../src/session.js';
import { record } from '../support/recording.js';
import { actionsOf, decisionsOf } from './support/decisions.js';
import { promptDigest } from './support/fingerprints.js';
import type { Links } from './support/links.js';
import { FRAMEWORKS, NODE_22 } from './support/process.js';
import { claimUnchanged, expectAllExecuted, guardedRun, inProcesses, partsOf, withAndWithout, withoutIds } from './support/program.js';

const LOADINGS = [
  { name: 'as ES module', path: join(FRAMEWORKS, 'mastra/approvals.mjs') },
  { name: 'as CommonJS', path: join(FRAMEWORKS, 'mastra/approvals.cjs') },
];
const program = NODE_22;

/** `[how, call id, what is on record]` */
const DECIDED: readonly (readonly [string, string, readonly (readonly string[])[]])[] = [
  ['approved', 'g1', [['approved', 'ok']]],
  ['one that needs none, before one that does', 'g1-free', [['ok']]],
  ['denied', 'g2', [['denied', 'denied']]],
  ['denied with a reason', 'g3', [['denied', 'denied']]],
  ['approved in a stream', 's1', [['approved', 'ok']]],
  ['denied in a stream', 's2', [['denied', 'denied']]],
  ['one of several that is approved', 'p1', [['approved', 'ok']]],
  ['one of several that is denied after it', 'p2', [['denied', 'denied']]],
  ['one of several that needs none, and comes after them', 'p3', [['ok']]],
  ['one of several that is denied', 'q1', [['denied', 'denied']]],
  ['one of several that is approved after it', 'q2', [['approved', 'ok']]],
  ['one of several that comes after those', 'q3', [['ok']]],
  ['approved where every call is asked about', 'w1', [['approved', 'ok']]],
  ['the next one there, denied', 'w2', [['denied', 'denied']]],
  ['of a tool that asks for some arguments only, with others', 'f1', [['ok']]],
  ['of a tool that asks for some arguments only, with those', 'f2', [['approved', 'ok']]],
  ['approved with more than a word', 'r1', [['approved', 'ok']]],
  ['denied by the data that the run goes on with', 'r2', [['denied', 'denied']]],
  ['approved by the thread that it is in', 't1', [['approved', 'ok']]],
  ['never decided', 'n1', []],
  ['approved, and kept from running by a hook', 'h1', []],
  ['denied, with a hook', 'h2', [['denied', 'denied']]],
  ['approved, and failed', 'b1', [['approved', 'error']]],
  ['of an agent under another one, approved', 'd2', [['approved', 'ok']]],
  ['of an agent under another one, denied', 'd4', [['denied', 'denied']]],
  ['of an agent, where every call is asked about', 'd5', [['approved', 'ok'], ['ok']]],
  ['of an agent under another one, where every call is asked about', 'd6', [['approved', 'ok']]],
  ['approved, and stopped itself then', 'u3', [['approved', 'ok'], ['ok']]],
  ['of an agent under another one in a stream, approved', 'e2', [['approved', 'ok']]],
  ['of an agent under another one in a stream, denied', 'e4', [['denied', 'denied']]],
  ['of an agent of a network, approved', 'm1', [['approved', 'ok']]],
  ['of an agent of a network, denied', 'm2', [['denied', 'denied']]],
  ['asked for and decided in one session of the application', 'k1', [['approved', 'ok']]],
];

/** `[arguments, what humans said, what became of it]` of each call of a tool that the network runs by itself: no model gave it an id. */
function ofNetwork(links: Links, name: string): readonly unknown[] {
  const intents = links.kind('action.intent').filter(({ attributes }) => attributes['gen_ai.agent.name'] === 'Chief');
  return intents
    .filter(({ attributes }) => attributes['gen_ai.tool.name'] === name)
    .map((intent) => {
      const own = links.ofAction(intent).map(({ attributes }) => attributes);
      const words = own.map((attributes) => attributes['custody.approval.decision'] ?? attributes['custody.action.status']);
      return [intent.content['gen_ai.tool.call.arguments'], ...words.filter((word) => word !== undefined)];
    });
}

describe.each(LOADINGS)('approvals of Mastra $name', ({ path }) => {
  const run = withAndWithout(path, { program });
  const { links, plain, recorded } = run;
  const decisions = (callId: string) => decisionsOf(links, callId);

  claimUnchanged(run, { lines: 20, links: 100 }, withoutIds);

  it('have the model told of a call that was denied, as without', () => {
    const told = partsOf(recorded(), 'approving').flatMap((line) => line['told'] ?? []);
    expect(told).toEqual(
      expect.arrayContaining([
        ['g2', { type: 'text', value: 'Tool call was not approved by the user' }],
        ['g3', { type: 'text', value: 'too dear' }],
      ]),
    );
  });

  it('leave nothing missing that was asked for', () => {
    expectAllExecuted(links);
  });

  it.each(DECIDED)('put down a call that is %s (%s)', (_how, callId, expected) => {
    expect(decisions(callId)).toEqual(expected);
  });

  it.each([
    ['a tool that stopped itself', 'u1'],
    ['a tool that stopped itself', 'u2'],
    ['a workflow that stopped', 'v1'],
    ['an agent in which another call was approved', 'd1'],
    ['an agent in which another call was denied', 'd3'],
    ['an agent in which another call was approved', 'e1'],
    ['an agent in which another call was denied', 'e3'],
  ])('do not take for a decision about %s what it goes on with (%s)', (_what, callId) => {
    expect(decisions(callId)).toEqual([['ok'], ['ok']]);
  });

  it('do not take the word of a model for that of a human', () => {
    expect(partsOf(plain(), 'byModel')).toMatchObject([{ said: 'over', results: [[['agent-helper', { text: 'paid' }, false]], []] }]);
    expect([decisions('o1'), decisions('o2'), decisions('o3')]).toEqual([[['ok']], [['ok']], [['ok']]]);
    expect(ofNetwork(links, 'mail')).toEqual([['{"to":"eve"}', 'ok']]);
  });

  it('put down the tools that a network runs by itself, in a session of its own, above those of its agents', () => {
    expect(ofNetwork(links, 'free')).toEqual(Array(3).fill(['{}', 'ok']));
    expect(ofNetwork(links, 'send')).toEqual([
      ['{"to":"ann"}', 'approved', 'ok'],
      ['{"to":"bob"}', 'denied', 'denied'],
    ]);
    expect(ofNetwork(links, 'updateWorkingMemory')).toEqual([['{"memory":"likes tea"}', 'ok']]);
    const routing = links.kind('session.start').filter(({ attributes }) => attributes['gen_ai.agent.name'] === 'Routing Agent');
    const networks = links
      .kind('session.start')
      .filter(({ session }) => routing.some(({ attributes }) => attributes['custody.parent.session.id'] === session));
    expect(routing.length).toBeGreaterThan(0);
    expect(new Set(networks.map(({ attributes }) => attributes['gen_ai.agent.name']))).toEqual(new Set(['Chief', 'Adder']));
  });

  it.each(['g1', 'g2', 's1'])('keep what was said when the model asked for the call (%s)', (callId) => {
    expect(links.reason(callId)).toEqual(['text', 'Paying.']);
  });

  it('leave the run that goes on in the state of the model call that asked', () => {
    for (const callId of ['g1', 'g2', 's1', 'd2', 'd4']) {
      const { attributes } = links.intent(callId) ?? { attributes: {} };
      expect(attributes).toMatchObject({ 'custody.fingerprint.system_prompt': promptDigest('You add numbers.') });
    }
  });

  it('bind the decision to the arguments of the call', () => {
    expect(actionsOf(links, 'f2')).toEqual([['spend', '{"amount":100}', ['approved'], 'ok']]);
  });

  it('make no link that nobody asked for', () => {
    expect(links.kind('approval').length).toBe(DECIDED.flatMap(([, , expected]) => expected).filter(([said]) => said !== 'ok').length + 3);
  });
});

it.concurrent.each(LOADINGS)(
  'approvals of Mastra $name do not overrule a policy, which may deny what a human approved, or ask another one',
  async ({ path }) => {
    const { stdout, links } = await guardedRun(path, { VETO: 'settle', APPROVE: 'spend' }, { program });
    expect(['g1', 'g2', 'f1', 'f2'].map((callId) => decisionsOf(links, callId))).toEqual([
      [['approved', 'denied']],
      [['denied', 'denied']],
      [['approved by bob@example.com', 'ok']],
      [['approved', 'approved by bob@example.com', 'ok']],
    ]);
    expect(partsOf(stdout, 'approving')[0]['told']).toEqual(
      expect.arrayContaining([['g1', { type: 'error-text', value: 'The call of settle was refused by policy (blocked): not here.' }]]),
    );
    expect(ofNetwork(links, 'settle')).toEqual([['{}', 'approved', 'denied']]);
    expect(stdout).toContain('["tool-execution-end","The call of settle was refused by policy (blocked): not here."]');
  },
);

it('approvals of Mastra are on record when the answers come in other processes', () =>
  inProcesses({ program }, async ({ ran, links }) => {
    const path = join(FRAMEWORKS, 'mastra/approvals.mjs');
    await ran(path, 'ask');
    expect(links.kind('action.intent')).toEqual([]);
    await ran(path, 'approve');
    const stdout = await ran(path, 'decline');
    expect([decisionsOf(links, 'x1'), decisionsOf(links, 'x2')]).toEqual([[['approved', 'ok']], [['denied', 'denied']]]);
    expect(JSON.parse(stdout)).toMatchObject({ finishReason: 'stop', said: 'Later.over' });
  }));

it.each([
  ['has not been denied, and goes on in the background', 'Background task resumed.', 0],
  ['has been denied', 'Tool call was not approved by the user', 1],
])('a call that a run of Mastra goes past %s', async (_what, value, intents) => {
  const recording = record();
  const said = { role: 'tool', content: [{ type: 'tool-result', toolCallId: 'c1', output: { type: 'text', value } }] };
  session({ agent: { id: 'bot' } }, (own) => {
    const run = new MastraRun({ session: own, agent: { id: 'bot' }, decision: new Decision(false, 'c1'), network: false });
    run.decision?.reached({ key: 'c1', describe: () => ({ tool: { name: 'later' }, arguments: {} }) });
    run.answered({ prompt: [said] });
  });
  expect(recording.kind('action.intent')).toHaveLength(intents);
  await recording.stop();
});
