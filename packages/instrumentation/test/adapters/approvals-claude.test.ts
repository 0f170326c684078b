import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decisionsOf } from './support/decisions.js';
import { FRAMEWORKS } from './support/process.js';
import { claimUnchanged, expectAllExecuted, withAndWithout } from './support/program.js';

const VERSIONS = [
  { name: '0.3', file: 'claude-agent-sdk/approvals.mjs' },
  { name: '0.2', file: 'claude-agent-sdk-0.2/approvals.mjs' },
];

describe.each(VERSIONS)('who may say that a call of the Claude Agent SDK $name runs', ({ name, file }) => {
  const run = withAndWithout(join(FRAMEWORKS, file));
  const { links } = run;
  const decisions = (callId: string) => decisionsOf(links, callId);
  /** The arguments of each intent of a call, in the order of recording. */
  const ran = (callId: string): readonly unknown[] =>
    links.intents(callId).map(({ content }) => JSON.parse(String(content['gen_ai.tool.call.arguments'])).command);

  claimUnchanged(run, { lines: 24, links: 100 });

  it('leaves nothing missing that was asked for', () => {
    expectAllExecuted(links);
  });

  it('is on record where canUseTool was asked: what it approved ran, what it denied did not', () => {
    expect(['a1', 'a2', 'a3', 'a5', 'a6'].map(decisions)).toEqual([
      [['approved', 'ok']],
      [['ok']],
      [['denied', 'denied']],
      [['approved', 'ok']],
      [['approved', 'ok']],
    ]);
    const approver = links.kind('approval').map(({ attributes }) => attributes['custody.approval.approver']);
    expect(new Set(approver)).toEqual(new Set([undefined]));
  });

  it('is on record for the very arguments that ran, where canUseTool changed them: those that the model gave did not run', () => {
    expect(decisions('a4')).toEqual([['denied'], ['approved', 'ok']]);
    expect(ran('a4')).toEqual(['touch four', 'touch edited']);
    expect(decisions('v1')).toEqual([['denied'], ['approved', 'ok']]);
    expect(decisions('u1')).toEqual([['denied'], ['approved', 'ok']]);
  });

  it('gives a tool of a server in this process its place in the action that ran', () => {
    const look = links.kind('action.intent').find(({ attributes }) => attributes['gen_ai.tool.name'] === 'look');
    expect(look?.attributes['custody.action.parent.id']).toBe(links.intents('v1')[1]?.attributes['custody.action.id']);
  });

  it('is not the application’s own hook, whose changes are what is recorded, once, before the call runs', () => {
    expect(['h1', 'h2', 'h3', 'h4', 'h5'].map(decisions)).toEqual([
      [['ok']],
      [['approved', 'ok']],
      [['denied']],
      [['approved', 'ok']],
      [['ok']],
    ]);
    expect(['h1', 'h2', 'h3', 'h4', 'h5'].flatMap(ran)).toEqual([
      'touch by-hook',
      'touch by-hook-and-human',
      'touch h3',
      'echo h4',
      'touch slowest',
    ]);
  });

  it('may be a hook for permission requests, which is asked at the same time: the first to decide', () => {
    expect(['q1', 'q2', 'q3', 'q4', 'q5'].map(decisions)).toEqual([
      [['approved', 'ok']],
      [['denied'], ['approved', 'ok']],
      [['denied', 'denied']],
      [['approved', 'ok']],
      [['approved', 'ok']],
    ]);
    expect(ran('q2')).toEqual(['touch q2', 'touch by-request']);
  });

  it('is nobody where a rule or a mode decides', () => {
    expect(['r1', 'r3', 'r4'].map(decisions)).toEqual([[['ok']], [['denied']], [['ok']]]);
  });

  it('does not know what a hook from a settings file changes: that is on record when it is put to somebody, or has run', () => {
    expect(decisions('s1')).toEqual([['denied'], ['approved', 'ok']]);
    expect(decisions('s2')).toEqual([['denied'], ['ok']]);
    expect([ran('s1'), ran('s2')]).toEqual([
      ['touch s1', 'touch by-settings'],
      ['touch s2', 'touch by-settings'],
    ]);
    const outcomes = links.kind('action.outcome').filter(({ attributes }) => attributes['gen_ai.tool.call.id'] === 's2');
    expect(outcomes.map(({ attributes }) => attributes['error.type'])).toEqual(['arguments_changed', undefined]);
  });

  it('is asked about the calls of sub-agents, too, whose sessions have it', () => {
    expect(['d1', 'd2', 'd3'].map(decisions)).toEqual([[['ok']], [['approved', 'ok']], [['denied', 'denied']]]);
    expect(links.kindsOf('d2').filter((kind) => kind === 'approval')).toHaveLength(2);
  });

  it('has said nothing when whoever was asked failed, or came too late', () => {
    expect(decisions('f1')).toEqual([['denied']]);
    expect(decisions('f2')).toEqual(name === '0.3' ? [['denied']] : [['approved', 'ok']]);
    expect(ran('f2')).toEqual(['touch f2']);
  });

  it('is on record also where the program was started ahead', () => {
    expect(['w1', 'w2'].map(decisions)).toEqual([[['approved', 'ok']], [['denied', 'denied']]]);
    expect(decisions('p1')).toEqual(name === '0.3' ? [['approved', 'ok']] : []);
  });

  it('leaves nothing of a call that a hook put off, but where it is taken up', () => {
    expect(decisions('e1')).toEqual(name === '0.3' ? [['ok']] : []);
  });
});
