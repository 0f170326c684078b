import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chainOf, kinds } from '../support/recording.js';
import { FRAMEWORKS } from './support/process.js';
import { claimUnchanged, expectAllExecuted, withAndWithout } from './support/program.js';

const LOADINGS = [
  { name: 'langchain 1 and LangGraph 1 as ES modules', file: join(FRAMEWORKS, 'langchain/agents.mjs') },
  { name: 'langchain 1 and LangGraph 1 as CommonJS', file: join(FRAMEWORKS, 'langchain/agents.cjs') },
];

describe.each(LOADINGS)('$name', ({ file }) => {
  const run = withAndWithout(file);
  const { links, all } = run;

  claimUnchanged(run, { lines: 20, links: 60 });

  it('attests that what was asked for was executed', () => {
    expect(links.attested()).toContain('2 2');
    expectAllExecuted(links);
  });

  it('runs parallel calls of one message in one chain, and records no call that was not run', () => {
    expect(chainOf(all(), links.intent('a1')?.session ?? '').flatMap(({ kind }) => (kind.startsWith('action') ? [kind] : []))).toEqual([
      'action.intent',
      'action.intent',
      'action.outcome',
      'action.outcome',
    ]);
    expect([links.intents('a3'), links.intents('a4'), links.intents('m1'), links.intents('x2')]).toEqual([[], [], [], []]);
    expect([links.statuses('a1'), links.statuses('a2')]).toEqual([['ok'], ['error']]);
  });

  it.each(['a1', 's1', 'e1'])('gives %s the words that came with it, streamed or not', (callId) => {
    const reason = links.intent(callId)?.content['custody.action.reason'];
    expect(['Two sums.', 'Adding.']).toContain(reason);
  });

  it('records arguments and executions as a middleware makes them', () => {
    expect(links.intents('m2').map(({ content }) => content['gen_ai.tool.call.arguments'])).toEqual(['{"a":20,"b":2}']);
    expect(links.statuses('m3')).toEqual(['ok', 'ok']);
  });

  it('takes the thread id for the conversation, in every session of it', () => {
    expect(links.intent('a1')?.attributes['gen_ai.conversation.id']).toBe('t-1');
    expect(links.intent('g2')?.attributes['gen_ai.conversation.id']).toBe('t-4');
  });

  it('puts a tool that pauses the graph down as cancelled, and the run that ends there as completed', () => {
    expect(links.statuses('i1').sort()).toEqual(['cancelled', 'ok']);
    expect(links.intents('i1').map(({ session }) => links.endOf(session))).toEqual(['completed', 'completed']);
    expect(links.intents('i1').map(({ content }) => content['custody.action.reason'])).toEqual(['I must ask.', 'I must ask.']);
  });

  it('records tools that no class of the framework runs, once each', () => {
    expect(links.intents('n3').map(({ content }) => content['gen_ai.tool.call.arguments'])).toEqual(['{"x":1}']);
    expect([links.intents('n1').length, links.intents('n2').length, links.intents('n5').length]).toEqual([1, 1, 1]);
    expect(links.intent('n1')?.content['custody.action.reason']).toBe('By hand.');
  });

  it('makes subgraphs and agents inside nodes children that the graph announces', () => {
    const [outer] = links.started('outer');
    const children = ['inner', 'plain', 'other'].map((name) => links.started(name)[0]?.attributes);
    expect(children.map((child) => child?.['custody.parent.session.id'])).toEqual(Array(3).fill(outer?.session));
    expect(kinds(chainOf(all(), outer?.session ?? ''))).toEqual(['session.start', ...Array(3).fill('child.spawn'), 'session.end']);
    expect(new Set(all().map(({ attributes }) => attributes['gen_ai.agent.id']))).toEqual(new Set(['bot']));
  });

  it('makes agents under a supervisor children, and leaving one by a command no error', () => {
    const [team] = links.started('team');
    const members = [...links.started('supervisor'), ...links.started('math_expert')];
    expect(members).toHaveLength(3);
    expect(members.map(({ attributes }) => attributes['custody.parent.session.id'])).toEqual(Array(3).fill(team?.session));
    expect(members.map(({ session }) => links.endOf(session))).toEqual(['completed', 'completed', 'completed']);
    expect(links.intent('v1')?.attributes['gen_ai.tool.name']).toBe('transfer_to_math_expert');
  });

  it('ends runs as they ended', () => {
    expect(links.outcomeOf('a1')).toBe('completed');
    expect(links.outcomeOf('l0')).toBe('error');
    expect(links.outcomeOf('b1')).toBe('cancelled');
    expect(links.statuses('b1')).toEqual(['cancelled']);
  });
});
