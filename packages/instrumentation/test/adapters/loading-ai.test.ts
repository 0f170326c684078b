import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AI5, AI7, FIXTURES, NODE, NODE_22, REGISTER } from './support/process.js';
import { claimUnchanged, withAndWithout } from './support/program.js';

const LOADINGS = [
  { name: 'ai 6 as ES module', file: join(FIXTURES, 'ai.mjs'), flag: '--import' },
  { name: 'ai 6 as CommonJS', file: join(FIXTURES, 'ai.cjs'), flag: '--import' },
  { name: 'ai 6 as CommonJS, preloaded by -r', file: join(FIXTURES, 'ai.cjs'), flag: '-r' },
  { name: 'ai 5 as ES module', file: join(AI5, 'ai.mjs'), flag: '--import' },
  { name: 'ai 5 as CommonJS', file: join(AI5, 'ai.cjs'), flag: '--import' },
  { name: 'ai 7', file: join(AI7, 'ai.mjs'), flag: '--import', program: NODE_22 },
  { name: 'ai 7, required by CommonJS', file: join(AI7, 'ai.cjs'), flag: '--import', program: NODE_22 },
  { name: 'ai 7, required by CommonJS, preloaded by -r', file: join(AI7, 'ai.cjs'), flag: '-r', program: NODE_22 },
];

describe.each(LOADINGS)('$name', ({ file, flag, program = NODE }) => {
  const run = withAndWithout(file, { node: [flag, REGISTER], program });
  const { links } = run;

  claimUnchanged(run, { lines: 15, links: 50 });

  it('opens one session for each agent run, and ends it', () => {
    const starts = links.kind('session.start');
    const ends = links.kind('session.end');
    expect(new Set(starts.map(({ session }) => session)).size).toBe(starts.length);
    expect(ends.map(({ session }) => session).sort()).toEqual(starts.map(({ session }) => session).sort());
  });

  it('records every tool call that ran, with its name, arguments and call id', () => {
    const calls = links
      .kind('action.intent')
      .map(({ attributes, content }) => [
        attributes['gen_ai.tool.call.id'],
        attributes['gen_ai.tool.name'],
        content['gen_ai.tool.call.arguments'],
      ]);
    expect(calls).toEqual(
      expect.arrayContaining([
        ['c1', 'add', '{"a":1,"b":2}'],
        ['c2', 'add', '{"a":-1,"b":2}'],
        ['s1', 'add', '{"a":1,"b":2}'],
        ['g1', 'add', '{"a":1,"b":2}'],
        ['m1', 'add', '{"a":1,"b":2}'],
        ['n1', 'add', '{"a":1,"b":3}'],
        ['r1', 'add', '{"a":1,"b":2}'],
        ['p1', 'search', '{"q":"sums"}'],
      ]),
    );
  });

  it.each([
    ['c1', 'text', 'Two sums.'],
    ['c3', 'thinking', 'One more.'],
    ['s2', 'thinking', 'I must add.'],
    ['g1', 'text', 'Adding.'],
    ['p1', 'text', 'Searching.'],
  ])('gives %s the reason that came with it (%s)', (callId, source, reason) => {
    expect(links.reason(callId)).toEqual([source, reason]);
  });

  it('says of a call without a word that no reason came with it', () => {
    expect(links.intent('m1')?.attributes['custody.action.reason.source']).toBe('none');
  });

  it('tells tools of the agent from those that the provider runs', () => {
    expect(links.intent('c1')?.attributes['gen_ai.tool.type']).toBe('function');
    expect(links.intent('p1')?.attributes['gen_ai.tool.type']).toBe('extension');
  });

  it('puts the tool that threw down as an error of its kind', () => {
    expect(links.outcome('c2')?.attributes).toMatchObject({ 'custody.action.status': 'error', 'error.type': 'RangeError' });
  });

  it('announces the change when a step goes to another model', () => {
    const order = ['session.start', 'action.intent', 'action.outcome', 'fingerprint.change', 'attestation', 'session.end'];
    const change = links.sessionOf('m1').find(({ kind }) => kind === 'fingerprint.change');
    expect(links.kindsOf('m1')).toEqual(order);
    expect(change?.attributes['custody.fingerprint.changed']).toEqual(['model']);
  });

  it('ends aborted runs as cancelled and failed ones as error', () => {
    const outcomes = links.kind('session.end').map(({ attributes }) => attributes['custody.session.outcome']);
    expect(outcomes).toContain('cancelled');
    expect(outcomes).toContain('error');
    expect(new Set(outcomes)).toEqual(new Set(['completed', 'cancelled', 'error']));
  });
});
