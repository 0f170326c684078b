import { join } from 'node:path';
import type { LinkCopy } from '@agent-custody/chain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chainOf, findings } from '../support/recording.js';
import { type Ended, FRAMEWORKS, REGISTER, runToEnd } from './support/process.js';
import { type Sink, startSink } from './support/sink.js';

const VERSIONS = [
  { version: '0.20', folder: 'openai-agents' },
  { version: '0.8', folder: 'openai-agents-0.8' },
];
const LOADINGS = VERSIONS.flatMap(({ version, folder }) => [
  { name: `@openai/agents ${version} as ES modules`, file: join(FRAMEWORKS, folder, 'agents.mjs'), flag: '--import' },
  { name: `@openai/agents ${version} as CommonJS, preloaded by -r`, file: join(FRAMEWORKS, folder, 'agents.cjs'), flag: '-r' },
]);

describe.each(LOADINGS)('$name', ({ file, flag }) => {
  let sink: Sink;
  let recorded: Ended;
  let links: readonly LinkCopy[];

  beforeAll(async () => {
    sink = await startSink();
    recorded = await runToEnd(file, { endpoint: sink.url, node: [flag, REGISTER] });
    links = sink.links();
  });
  afterAll(() => sink.close());

  const ofCall = (callId: string, kind = 'action.intent') =>
    links.filter((link) => link.kind === kind && link.attributes['gen_ai.tool.call.id'] === callId);
  const statuses = (callId: string) => ofCall(callId, 'action.outcome').map(({ attributes }) => attributes['custody.action.status']);
  const reasonOf = (callId: string) =>
    ofCall(callId).map(({ attributes, content }) => [attributes['custody.action.reason.source'], content['custody.action.reason']]);
  const startedAs = (name: string) =>
    links.find(({ kind, attributes }) => kind === 'session.start' && attributes['gen_ai.agent.name'] === name)?.attributes;
  const endOf = (session: string | undefined) =>
    chainOf(links, session ?? '').find(({ kind }) => kind === 'session.end')?.attributes['custody.session.outcome'];
  const approvalsOf = (callId: string) => {
    const action = ofCall(callId)[0]?.attributes['custody.action.id'];
    const own = links.filter(({ kind, attributes }) => kind === 'approval' && attributes['custody.action.id'] === action);
    return own.map(({ attributes }) => [attributes['custody.approval.decision'], attributes['custody.approval.approver']]);
  };

  it('behaves for the application exactly as it does without', async () => {
    const plain = await runToEnd(file, { node: [] });
    expect(recorded.stdout).toBe(plain.stdout);
    expect(plain.stdout.split('\n').length).toBeGreaterThan(25);
  });

  it('delivers chains in which a verifier finds nothing: what was asked for was executed, or is known not to run', () => {
    expect(findings(links)).toEqual([]);
    const attested = links
      .filter(({ kind }) => kind === 'attestation')
      .map(({ attributes }) => attributes['custody.attestation.requested']);
    expect(attested).toContain(5);
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
    const [intent] = ofCall(callId);
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
    expect(reasonOf(callId)[0]).toEqual([source, words]);
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
    expect(statuses(callId)).toEqual([status]);
  });

  it('hands over to children, each announced by the agent before', () => {
    const [triage, french, spanish] = ['Triage', 'French', 'Spanish'].map(startedAs);
    expect(french?.['custody.parent.session.id']).toBe(triage?.['custody.session.id']);
    expect(spanish?.['custody.parent.session.id']).toBe(french?.['custody.session.id']);
    expect(ofCall('h2')[0]?.session).toBe(french?.['custody.session.id']);
    expect(ofCall('h4')[0]?.session).toBe(spanish?.['custody.session.id']);
    const prompts = [triage, french, spanish].map((start) => start?.['custody.fingerprint.system_prompt']);
    expect(new Set(prompts).size).toBe(3);
  });

  it('makes an agent that is a tool the child of the agent that calls it', () => {
    expect(startedAs('Inner')?.['custody.parent.session.id']).toBe(startedAs('Outer')?.['custody.session.id']);
    expect(ofCall('i1')[0]?.session).toBe(startedAs('Inner')?.['custody.session.id']);
  });

  it('does not record as run what waits for an approval, and puts down what came of it', () => {
    expect([ofCall('p1').length, ofCall('p2').length, ofCall('r1').length]).toEqual([1, 1, 1]);
    expect([approvalsOf('p1'), statuses('p1')]).toEqual([[['approved', undefined]], ['ok']]);
    expect([approvalsOf('p2'), statuses('p2')]).toEqual([[['denied', undefined]], ['denied']]);
    expect([approvalsOf('r1'), statuses('r1')]).toEqual([[['approved', undefined]], ['ok']]);
    expect(approvalsOf('p3')).toEqual([]);
  });

  it('puts down approvals of shells and of hosted MCP tools', () => {
    expect(['z1', 'z2', 'q2', 'm2'].map((callId) => approvalsOf(callId)[0]?.[0])).toEqual(['approved', 'denied', 'denied', 'approved']);
    expect(['z1', 'z2', 'q2', 'm2'].flatMap(statuses)).toEqual(['ok', 'denied', 'denied', 'ok']);
  });

  it('ends runs as they ended', () => {
    expect(endOf(ofCall('n0')[0]?.session)).toBe('error');
    expect(endOf(ofCall('f1')[0]?.session)).toBe('error');
    expect(endOf(ofCall('b1')[0]?.session)).toBe('cancelled');
    expect(endOf(ofCall('e1')[0]?.session)).toBe('completed');
    expect(endOf(startedAs('French')?.['custody.session.id'] as string)).toBe('completed');
  });

  it('takes the group of a runner for the conversation', () => {
    expect(ofCall('e4')[0]?.attributes['gen_ai.conversation.id']).toBe('g-1');
  });
});
