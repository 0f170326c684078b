import { join } from 'node:path';
import type { LinkCopy } from '@agent-custody/chain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chainOf, findings, kinds } from '../support/recording.js';
import { type Ended, FRAMEWORKS, REGISTER, runToEnd } from './support/process.js';
import { type Sink, startSink } from './support/sink.js';

const LOADINGS = [
  { name: 'langchain 1 and LangGraph 1 as ES modules', file: join(FRAMEWORKS, 'langchain/agents.mjs'), flag: '--import' },
  { name: 'langchain 1 and LangGraph 1 as CommonJS', file: join(FRAMEWORKS, 'langchain/agents.cjs'), flag: '--import' },
];

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
  const started = (name: string) =>
    links.filter(({ kind, attributes }) => kind === 'session.start' && attributes['gen_ai.agent.name'] === name);
  const outcomeOf = (link: LinkCopy | undefined) =>
    chainOf(links, link?.session ?? '').find(({ kind }) => kind === 'session.end')?.attributes['custody.session.outcome'];
  const sessionOf = (callId: string) => ofCall(callId)[0];

  it('behaves for the application exactly as it does without', async () => {
    const plain = await runToEnd(file, { node: [] });
    expect(recorded.stdout).toBe(plain.stdout);
    expect(plain.stdout.split('\n').length).toBeGreaterThan(20);
  });

  it('delivers chains in which a verifier finds nothing: what was asked for was executed', () => {
    expect(findings(links)).toEqual([]);
    const attested = links.filter(({ kind }) => kind === 'attestation');
    const counts = attested.map(({ attributes }) => [
      attributes['custody.attestation.requested'],
      attributes['custody.attestation.executed'],
    ]);
    expect(counts).toContainEqual([2, 2]);
    expect(counts.every(([requested, executed]) => requested === executed)).toBe(true);
  });

  it('runs parallel calls of one message in one chain, and records no call that was not run', () => {
    expect(chainOf(links, sessionOf('a1')?.session ?? '').flatMap(({ kind }) => (kind.startsWith('action') ? [kind] : []))).toEqual([
      'action.intent',
      'action.intent',
      'action.outcome',
      'action.outcome',
    ]);
    expect([ofCall('a3'), ofCall('a4'), ofCall('m1'), ofCall('x2')]).toEqual([[], [], [], []]);
    expect([statuses('a1'), statuses('a2')]).toEqual([['ok'], ['error']]);
  });

  it.each(['a1', 's1', 'e1'])('gives %s the words that came with it, streamed or not', (callId) => {
    const reason = ofCall(callId)[0]?.content['custody.action.reason'];
    expect(['Two sums.', 'Adding.']).toContain(reason);
  });

  it('records arguments and executions as a middleware makes them', () => {
    expect(ofCall('m2').map(({ content }) => content['gen_ai.tool.call.arguments'])).toEqual(['{"a":20,"b":2}']);
    expect(statuses('m3')).toEqual(['ok', 'ok']);
  });

  it('takes the thread id for the conversation, in every session of it', () => {
    expect(sessionOf('a1')?.attributes['gen_ai.conversation.id']).toBe('t-1');
    expect(sessionOf('g2')?.attributes['gen_ai.conversation.id']).toBe('t-4');
  });

  it('puts a tool that pauses the graph down as cancelled, and the run that ends there as completed', () => {
    expect(statuses('i1').sort()).toEqual(['cancelled', 'ok']);
    expect(ofCall('i1').map(outcomeOf)).toEqual(['completed', 'completed']);
    expect(ofCall('i1').map(({ content }) => content['custody.action.reason'])).toEqual(['I must ask.', 'I must ask.']);
  });

  it('records tools that no class of the framework runs, once each', () => {
    expect(ofCall('n3').map(({ content }) => content['gen_ai.tool.call.arguments'])).toEqual(['{"x":1}']);
    expect([ofCall('n1').length, ofCall('n2').length, ofCall('n5').length]).toEqual([1, 1, 1]);
    expect(ofCall('n1')[0]?.content['custody.action.reason']).toBe('By hand.');
  });

  it('makes subgraphs and agents inside nodes children that the graph announces', () => {
    const [outer] = started('outer');
    const children = ['inner', 'plain', 'other'].map((name) => started(name)[0]?.attributes);
    expect(children.map((child) => child?.['custody.parent.session.id'])).toEqual(Array(3).fill(outer?.session));
    expect(kinds(chainOf(links, outer?.session ?? ''))).toEqual(['session.start', ...Array(3).fill('child.spawn'), 'session.end']);
    expect(new Set(links.map(({ attributes }) => attributes['gen_ai.agent.id']))).toEqual(new Set(['bot']));
  });

  it('makes agents under a supervisor children, and leaving one by a command no error', () => {
    const [team] = started('team');
    const members = [...started('supervisor'), ...started('math_expert')];
    expect(members).toHaveLength(3);
    expect(members.map(({ attributes }) => attributes['custody.parent.session.id'])).toEqual(Array(3).fill(team?.session));
    expect(members.map(outcomeOf)).toEqual(['completed', 'completed', 'completed']);
    expect(ofCall('v1')[0]?.attributes['gen_ai.tool.name']).toBe('transfer_to_math_expert');
  });

  it('ends runs as they ended', () => {
    expect(outcomeOf(sessionOf('a1'))).toBe('completed');
    expect(outcomeOf(sessionOf('l0'))).toBe('error');
    expect(outcomeOf(sessionOf('b1'))).toBe('cancelled');
    expect(statuses('b1')).toEqual(['cancelled']);
  });
});
