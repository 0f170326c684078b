import { ATTR, fingerprintDigest } from '@agent-custody/chain';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runAction } from '../src/action.js';
import { TakenUp } from '../src/adapters/taken-up.js';
import { configure } from '../src/global.js';
import { nodeHashing } from '../src/hashing.js';
import { session } from '../src/session.js';
import type { ModelRequest } from '../src/types.js';
import { findings, kinds, type Recording, record } from './support/recording.js';

let recording: Recording;
beforeEach(() => {
  recording = record();
});
afterEach(() => recording.stop());

const sent: ModelRequest = {
  systemPrompt: 'Ask before you pay.',
  tools: [{ name: 'pay' }],
  model: { provider: 'acme', name: 'large' },
};
const digest = (component: string, value: unknown) => fingerprintDigest(component, value, nodeHashing);
const states = ['system_prompt', 'tools', 'model'].map((name) => `custody.fingerprint.${name}`);

/** A run whose model asks for a call, and which stops there for a human. */
function askAndStop(agent: string, callId = 'c1', memory = 'then', why = 'It is due.'): void {
  session({ agent: { id: agent }, memory: () => memory }, (own) => {
    const call = own.modelCall(sent);
    call.asked([{ callId, toolName: 'pay' }], { text: why, source: 'text' });
    call.done();
  });
}

/** The links of a run that begins with a call. */
function takeUp(agent: string, { tool = 'pay', callId = 'c1', memory = 'then', goesOn = true } = {}) {
  const before = recording.links().length;
  session({ agent: { id: agent }, memory: () => memory }, (own) => {
    runAction({ tool: { name: tool, callId }, arguments: {} }, () => 'done');
    if (goesOn) own.modelCall(sent).done();
  });
  return recording.links().slice(before);
}

const stateOf = (links: ReturnType<typeof takeUp>) => states.map((name) => links[0]?.attributes[name]);
const UNKNOWN = [digest('system_prompt', null), digest('tools', null), undefined];

describe('a run that goes on in another session with the call that it stopped at', () => {
  test('starts in the state in which the model asked for it, and does not change it by going on', () => {
    askAndStop('payer');
    const [first] = recording.links();
    const links = takeUp('payer');
    expect(stateOf(links)).toEqual(states.map((name) => first?.attributes[name]));
    expect(links[0]?.attributes[ATTR.fingerprint]).toBe(first?.attributes[ATTR.fingerprint]);
    expect(kinds(links)).toEqual(['session.start', 'action.intent', 'action.outcome', 'attestation', 'session.end']);
    expect(findings(recording.links())).toEqual([]);
  });

  test('has the memory and the policy of now', () => {
    configure({ guard: { decide: () => ({ decision: 'allow', rule: 'all' }), fingerprint: () => digest('policy', 'old') } });
    askAndStop('payer');
    configure({ guard: { decide: () => ({ decision: 'allow', rule: 'all' }), fingerprint: () => digest('policy', 'new') } });
    const [start] = takeUp('payer', { memory: 'now' });
    const [first] = recording.links();
    expect(start?.attributes['custody.fingerprint.policy']).toBe(digest('policy', 'new'));
    expect(start?.attributes['custody.fingerprint.memory']).not.toBe(first?.attributes['custody.fingerprint.memory']);
  });

  test('starts in an unknown state where no model of this agent asked for this call of this tool', () => {
    askAndStop('payer');
    expect(stateOf(takeUp('other', { goesOn: false }))).toEqual(UNKNOWN);
    expect(stateOf(takeUp('payer', { callId: 'c2', goesOn: false }))).toEqual(UNKNOWN);
    expect(stateOf(takeUp('payer', { tool: 'refund', goesOn: false }))).toEqual(UNKNOWN);
    expect(findings(recording.links())).toEqual([]);
  });

  test('has the reason that its model gave', () => {
    askAndStop('payer');
    expect(new TakenUp({ id: 'payer' }).reasonOf('pay', 'c1')).toEqual({ text: 'It is due.', source: 'text' });
  });

  test('has no reason of another conversation, where a provider numbers the calls of each from one', () => {
    askAndStop('payer', 'c1', 'then', 'Alice asked for it.');
    askAndStop('payer', 'c1', 'then', 'Bob asked for it.');
    expect(new TakenUp({ id: 'payer' }).reasonOf('pay', 'c1')).toBeUndefined();
  });
});
