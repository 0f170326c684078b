import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FRAMEWORKS, REGISTER } from './support/process.js';
import { claimUnchanged, withAndWithout } from './support/program.js';

const VERSIONS = [
  { version: '0.20', folder: 'openai-agents' },
  { version: '0.8', folder: 'openai-agents-0.8' },
];
const LOADINGS = VERSIONS.flatMap(({ version, folder }) => [
  { name: `@openai/agents ${version} as ES modules`, file: join(FRAMEWORKS, folder, 'agents.mjs'), flag: '--import' },
  { name: `@openai/agents ${version} as CommonJS, preloaded by -r`, file: join(FRAMEWORKS, folder, 'agents.cjs'), flag: '-r' },
]);

describe.each(LOADINGS)('$name', ({ file, flag }) => {
  const run = withAndWithout(file, { node: [flag, REGISTER] });
  const { links } = run;

  const startedAs = (name: string) => links.started(name)[0]?.attributes;
  const approvalsOf = (callId: string) => {
    const action = links.intent(callId)?.attributes['custody.action.id'];
    const own = links.kind('approval').filter(({ attributes }) => attributes['custody.action.id'] === action);
    return own.map(({ attributes }) => [attributes['custody.approval.decision'], attributes['custody.approval.approver']]);
  };

  claimUnchanged(run, { lines: 25, links: 60 });

  it('attests that what was asked for was executed, or is known not to run', () => {
    expect(links.attested()).toContain('5 5');
  });

  it.each([
    ['c1', 'add', 'function', '{"a":1,"b":2}'],
    ['s2', 'add', 'function', '{"a":2,"b":2}'],
    ['o1', 'ask_inner', 'function', '{"input":"5 + 5"}'],
    ['l1', 'shell', 'function', '{"commands":["ls"]}'],
    ['l4', 'apply_patch', 'function', '{"diff":"+1","path":"/a","type":"create_file"}'],
    ['k1', 'computer_use_preview', 'function', '{"button":"left","type":"click","x":1,"y":2}'],
    ['w1', 'web_search_call', 'extension', '{"query":"sums"}'],
    ['m1', 'docs.find', 'extension', '{"q":"sums"}'],
  ])('records %s as %s with its arguments', (callId, name, type, input) => {
    const intent = links.intent(callId);
    expect(intent?.attributes).toMatchObject({ 'gen_ai.tool.name': name, 'gen_ai.tool.type': type });
    expect(intent?.content['gen_ai.tool.call.arguments']).toBe(input);
  });

  it.each([
    ['c1', 'text', 'Two sums.'],
    ['c3', 'thinking', 'One more.'],
    ['c4', 'encrypted', 'c2VjcmV0'],
    ['s1', 'text', 'Adding.'],
    ['l2', 'text', 'Listing.'],
    ['m1', 'thinking', 'Looking.'],
    ['p1', 'text', 'May I?'],
  ])('gives %s the reason that came with it (%s)', (callId, source, words) => {
    expect(links.reason(callId)).toEqual([source, words]);
  });

  it.each([
    ['c2', 'error'],
    ['f1', 'error'],
    ['f2', 'timeout'],
    ['u4', 'error'],
    ['l2', 'error'],
    ['l3', 'timeout'],
    ['l5', 'error'],
    ['k2', 'error'],
    ['m1', 'error'],
    ['k1', 'ok'],
  ])('tells how %s ended (%s), though the framework makes a text of it', (callId, status) => {
    expect(links.statuses(callId)).toEqual([status]);
  });

  it('hands over to children, each announced by the agent before', () => {
    const [triage, french, spanish] = ['Triage', 'French', 'Spanish'].map(startedAs);
    expect(french?.['custody.parent.session.id']).toBe(triage?.['custody.session.id']);
    expect(spanish?.['custody.parent.session.id']).toBe(french?.['custody.session.id']);
    expect(links.intent('h2')?.session).toBe(french?.['custody.session.id']);
    expect(links.intent('h4')?.session).toBe(spanish?.['custody.session.id']);
    const prompts = [triage, french, spanish].map((start) => start?.['custody.fingerprint.system_prompt']);
    expect(new Set(prompts).size).toBe(3);
  });

  it('makes an agent that is a tool the child of the agent that calls it', () => {
    expect(startedAs('Inner')?.['custody.parent.session.id']).toBe(startedAs('Outer')?.['custody.session.id']);
    expect(links.intent('i1')?.session).toBe(startedAs('Inner')?.['custody.session.id']);
  });

  it('does not record as run what waits for an approval, and puts down what came of it', () => {
    expect([links.intents('p1').length, links.intents('p2').length, links.intents('r1').length]).toEqual([1, 1, 1]);
    expect([approvalsOf('p1'), links.statuses('p1')]).toEqual([[['approved', undefined]], ['ok']]);
    expect([approvalsOf('p2'), links.statuses('p2')]).toEqual([[['denied', undefined]], ['denied']]);
    expect([approvalsOf('r1'), links.statuses('r1')]).toEqual([[['approved', undefined]], ['ok']]);
    expect(approvalsOf('p3')).toEqual([]);
  });

  it('puts down approvals of shells and of hosted MCP tools', () => {
    expect(['z1', 'z2', 'q2', 'm2'].map((callId) => approvalsOf(callId)[0]?.[0])).toEqual(['approved', 'denied', 'denied', 'approved']);
    expect(['z1', 'z2', 'q2', 'm2'].flatMap(links.statuses)).toEqual(['ok', 'denied', 'denied', 'ok']);
  });

  it('ends runs as they ended', () => {
    expect(links.outcomeOf('n0')).toBe('error');
    expect(links.outcomeOf('f1')).toBe('error');
    expect(links.outcomeOf('b1')).toBe('cancelled');
    expect(links.outcomeOf('e1')).toBe('completed');
    expect(links.endOf(startedAs('French')?.['custody.session.id'])).toBe('completed');
  });

  it('takes the group of a runner for the conversation', () => {
    expect(links.intent('e4')?.attributes['gen_ai.conversation.id']).toBe('g-1');
  });
});
