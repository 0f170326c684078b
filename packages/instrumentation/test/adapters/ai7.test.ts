import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findings } from '../support/recording.js';
import { linksIn } from './support/links.js';
import { AI7, NODE_22, runToEnd } from './support/process.js';
import { claimUnchanged, expectAllExecuted, withAndWithout } from './support/program.js';
import { startSink } from './support/sink.js';

const program = NODE_22;

describe('what ai 7 alone can do', () => {
  const run = withAndWithout(join(AI7, 'own.mjs'), { program });
  const { links } = run;

  claimUnchanged(run, { lines: 13, links: 40 });

  it('attests that what was asked for was executed', () => {
    expect(links.attested().length).toBeGreaterThan(0);
    expectAllExecuted(links);
  });

  it.each(['off', 'none', 'private'])('is recorded where a call switches its telemetry off, or keeps it to itself (%s)', (id) => {
    for (const callId of [`${id}1`, `${id}2`, `${id}3`]) {
      expect(links.call(callId)).toEqual(['add', '{"a":1,"b":2}', 'ok']);
      expect(links.kindsOf(callId)).toEqual(['session.start', 'action.intent', 'action.outcome', 'attestation', 'session.end']);
    }
    expect(links.reason(`${id}1`)).toEqual(['text', 'Adding.']);
  });

  it('is one session to its end where a stream keeps nothing', () => {
    expect(links.call('m1')).toEqual(['add', '{"a":1,"b":2}', 'ok']);
    expect(links.reason('m1')).toEqual(['text', 'Low.']);
    expect(links.kindsOf('m1')).toEqual(['session.start', 'action.intent', 'action.outcome', 'attestation', 'session.end']);
    expect(links.outcomeOf('m1')).toBe('completed');
  });

  it('records what a tool calls past the model, inside the call of that tool', () => {
    expect(links.call('t1.inner')).toEqual(['add', '{"a":3,"b":4}', 'ok']);
    expect(links.intent('t1.inner')?.attributes['custody.action.parent.id']).toBe(links.intent('t1')?.attributes['custody.action.id']);
  });

  it('holds a call that waits for a human against nobody, and gives it its reason when it runs', () => {
    expect(links.call('h1')).toEqual(['pay', '{"a":1,"b":2}', 'ok']);
    expect(links.reason('h1')).toEqual(['text', 'Paying.']);
  });

  it('ends the session of a stream that is left half way, or never read', () => {
    // As soon as the result is garbage, or with the process.
    expect(['abandoned', 'shutdown']).toContain(links.outcomeOf('b1'));
    expect(links.kindsOf('u1').at(-1)).toBe('session.end');
  });
});

describe('ai 7 that was imported before the instrumentation', () => {
  it('is recorded by its events, can be refused, and is said to be unarmed', async () => {
    const sink = await startSink();
    const links = linksIn(sink);
    const { stdout } = await runToEnd(join(AI7, 'late.mjs'), { endpoint: sink.url, node: [], program });
    const [content, unarmed] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(content).toEqual([
      ['text', 'tool-call', 'tool-call', 'tool-result', 'The call of pay was refused by policy (blocked).'],
      ['text'],
    ]);
    expect([links.call('c1'), links.call('c2')]).toEqual([
      ['add', '{"a":1,"b":2}', 'ok'],
      ['pay', '{}', 'denied'],
    ]);
    expect(unarmed).toEqual([
      expect.objectContaining({ framework: 'ai', why: 'loaded_before' }),
      expect.objectContaining({ framework: '@ai-sdk/provider-utils', why: 'loaded_before' }),
    ]);
    expect(findings(sink.links())).toEqual([]);
    await sink.close();
  });
});
