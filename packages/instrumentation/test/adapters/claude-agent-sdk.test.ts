import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digestOf, modelDigest, promptDigest, toolsDigest } from './support/fingerprints.js';
import { FRAMEWORKS } from './support/process.js';
import { claimUnchanged, expectAllExecuted, guardedRun, withAndWithout } from './support/program.js';

const VERSIONS = [
  { name: 'version 0.3', file: 'claude-agent-sdk/app.mjs', ofHelper: ['text', 'Helping.'] },
  // It does not hand on what a sub-agent says.
  { name: 'version 0.2', file: 'claude-agent-sdk-0.2/app.mjs', ofHelper: ['none', undefined] },
];

describe.each(VERSIONS)('the Claude Agent SDK, $name', ({ file, ofHelper }) => {
  const path = join(FRAMEWORKS, file);
  const run = withAndWithout(path);
  const { links, spans } = run;

  claimUnchanged(run, { lines: 9, links: 40 });

  it('records each call with its arguments, id and type, parallel ones too', () => {
    expect(links.call('w1')).toEqual(['Bash', '{"command":"echo one","description":"Runs it"}', 'ok']);
    expect(links.call('w2')).toEqual(['Bash', '{"command":"exit 3","description":"Runs it"}', 'error']);
    expect(links.call('w4')).toEqual(['Read', '{"file_path":"/no/such/file"}', 'error']);
    expect(links.intent('w1')?.attributes['gen_ai.tool.type']).toBe('function');
    expect(links.intent('v1')?.attributes['gen_ai.tool.type']).toBe('extension');
    expect(links.intent('w3')).toBeUndefined();
  });

  it.each([
    ['w1', 'text', 'Looking around.'],
    ['w2', 'text', 'Looking around.'],
    ['w4', 'thinking', 'Once more.'],
  ])('gives %s the reason that came with it (%s), also when the reader is slow', (callId, source, reason) => {
    expect(links.reason(callId)).toEqual([source, reason]);
    expect(links.reason('d2')).toEqual(ofHelper);
  });

  it('measures the system prompt that the application gave, the names of the tools and the model; a prompt that it did not give is unknown', () => {
    const start = links.sessionOf('w1').find(({ kind }) => kind === 'session.start');
    const unknown = links.sessionOf('v1').find(({ kind }) => kind === 'session.start');
    expect(start?.attributes).toMatchObject({
      'custody.fingerprint.system_prompt': promptDigest('You are a tester.'),
      'custody.fingerprint.model': modelDigest('anthropic', 'claude-x'),
    });
    expect(start?.attributes['custody.fingerprint.tools']).not.toBe(digestOf('tools', null));
    expect(unknown?.attributes['custody.fingerprint.system_prompt']).toBe(digestOf('system_prompt', null));
  });

  it('makes a sub-agent a child of the call that it works for, with its own prompt and tools', () => {
    const [start] = links.sessionOf('d2');
    const parent = links.sessionOf('d1').find(({ kind }) => kind === 'child.spawn');
    expect(start?.attributes).toMatchObject({
      'gen_ai.agent.id': 'bot',
      'gen_ai.agent.name': 'helper',
      'custody.parent.session.id': parent?.session,
      'custody.parent.hash': parent?.hash,
      'custody.fingerprint.system_prompt': promptDigest('You help.'),
      'custody.fingerprint.tools': toolsDigest([{ name: 'Bash' }]),
    });
    expect(links.outcomeOf('d2')).toBe('completed');
  });

  it('nests what a tool of a server in this process does, and the spans of the application, in the call', () => {
    const inner = links.kind('action.intent').find(({ attributes }) => attributes['gen_ai.tool.name'] === 'look');
    expect(inner?.attributes['custody.action.parent.id']).toBe(links.intent('v1')?.attributes['custody.action.id']);
    expect(spans().find(({ name }) => name === 'inside the tool')?.parentSpanId).toBe(links.outcome('v1')?.spanId);
  });

  it('says of what the application itself refused, by a hook or a permission, that it never ran', () => {
    expect(['h1', 'h2', 'h3'].map((id) => links.call(id)[2])).toEqual(['denied', 'denied', 'ok']);
  });

  it('ends aborted and interrupted calls as cancelled, those of a program that died as errors, and their sessions accordingly', () => {
    expect(['a1', 'i1', 'k1'].map((id) => links.call(id)[2])).toEqual(['cancelled', 'cancelled', 'error']);
    expect(links.outcome('k1')?.attributes['error.type']).toBe('process_ended');
    expect(['w1', 'a1', 'i1', 'k1'].map((id) => links.outcomeOf(id))).toEqual(['completed', 'cancelled', 'cancelled', 'error']);
  });

  it('attests what the model asked for, without what was honestly not run', () => {
    expect(links.attested().length).toBeGreaterThan(6);
    expectAllExecuted(links);
  });

  it('opens a session for each query unless one is open', () => {
    expect(links.sessionOf('g1')).toEqual(links.sessionOf('g2'));
    expect(links.sessionOf('g1')[0]?.attributes['gen_ai.agent.id']).toBe('grouped');
  });

  it('tells the model of a call that a policy refuses, waits for one that needs an approval, and the run goes on', async () => {
    const { stdout, links: guarded } = await guardedRun(path, { VETO: 'Read', APPROVE: 'Bash' }, { args: ['working'] });
    const { results, said } = JSON.parse(stdout);
    expect(results.w4[1]).toContain('The call of Read was refused by');
    expect([results.w1[1], said.at(-1)]).toEqual(['one', 'Done.']);
    expect(['w1', 'w2', 'w4'].map((id) => guarded.call(id)[2])).toEqual(['ok', 'error', 'denied']);
    expect(guarded.kind('approval')).toHaveLength(2);
  });
});
