import { dirname, join } from 'node:path';
import { fingerprintDigest, systemPromptValue, toolsValue } from '@agent-custody/chain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeHashing } from '../../src/hashing.js';
import { findings } from '../support/recording.js';
import { linksIn } from './support/links.js';
import { factsOf } from './support/observed-facts.js';
import { type Ended, FRAMEWORKS, GUARDED, runToEnd, versionIn } from './support/process.js';
import { observed, reach } from './support/reach.js';
import { type Sink, startSink } from './support/sink.js';

const VERSIONS = [
  { name: 'version 0.3', file: 'claude-agent-sdk/app.mjs', ofHelper: ['text', 'Helping.'] },
  // It does not hand on what a sub-agent says.
  { name: 'version 0.2', file: 'claude-agent-sdk-0.2/app.mjs', ofHelper: ['none', undefined] },
];
const digestOf = (component: string, value: unknown) => fingerprintDigest(component, value, nodeHashing);

describe.each(VERSIONS)('the Claude Agent SDK, $name', ({ file, ofHelper }) => {
  const path = join(FRAMEWORKS, file);
  let sink: Sink;
  let recorded: Ended;
  let plain: Ended;
  let links: ReturnType<typeof linksIn>;

  beforeAll(async () => {
    sink = await startSink();
    links = linksIn(sink);
    const env = { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: sink.url };
    [recorded, plain] = await Promise.all([runToEnd(path, { endpoint: sink.url, env }), runToEnd(path, { node: [] })]);
  }, 120_000);
  afterAll(() => sink.close());

  it('behaves for the application exactly as it does without', () => {
    expect(recorded.stdout).toBe(plain.stdout);
    expect(plain.stdout.split('\n')).toHaveLength(10);
  });

  it('delivers chains in which a verifier finds nothing', () => {
    expect(findings(sink.links())).toEqual([]);
    expect(sink.links().length).toBeGreaterThan(40);
  });

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
      'custody.fingerprint.system_prompt': digestOf('system_prompt', systemPromptValue('You are a tester.')),
      'custody.fingerprint.model': digestOf('model', { provider: 'anthropic', name: 'claude-x' }),
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
      'custody.fingerprint.system_prompt': digestOf('system_prompt', systemPromptValue('You help.')),
      'custody.fingerprint.tools': digestOf('tools', toolsValue([{ name: 'Bash' }])),
    });
    expect(links.outcomeOf('d2')).toBe('completed');
  });

  it('nests what a tool of a server in this process does, and the spans of the application, in the call', () => {
    const inner = links.kind('action.intent').find(({ attributes }) => attributes['gen_ai.tool.name'] === 'look');
    expect(inner?.attributes['custody.action.parent.id']).toBe(links.intent('v1')?.attributes['custody.action.id']);
    expect(sink.spans().find(({ name }) => name === 'inside the tool')?.parentSpanId).toBe(links.outcome('v1')?.spanId);
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
    for (const counts of links.attested()) expect(counts.split(' ')[0]).toBe(counts.split(' ')[1]);
  });

  it('opens a session for each query unless one is open', () => {
    expect(links.sessionOf('g1')).toEqual(links.sessionOf('g2'));
    expect(links.sessionOf('g1')[0]?.attributes['gen_ai.agent.id']).toBe('grouped');
  });

  it('tells the model of a call that a policy refuses, waits for one that needs an approval, and the run goes on', async () => {
    const guarded = await startSink();
    const env = { VETO: 'Read', APPROVE: 'Bash' };
    const { stdout } = await runToEnd(path, { endpoint: guarded.url, env, node: GUARDED, args: ['working'] });
    const { results, said } = JSON.parse(stdout);
    expect(results.w4[1]).toContain('The call of Read was refused by');
    expect([results.w1[1], said.at(-1)]).toEqual(['one', 'Done.']);
    expect(['w1', 'w2', 'w4'].map((id) => linksIn(guarded).call(id)[2])).toEqual(['ok', 'error', 'denied']);
    expect(linksIn(guarded).kind('approval')).toHaveLength(2);
    expect(findings(guarded.links())).toEqual([]);
    await guarded.close();
  });

  it('lets one reach what the README says', async () => {
    const args = '{"command":"echo one","description":"Runs it"}';
    const calls = {
      call: ['w1', args],
      parallel: 'w2',
      streamed: 'i1',
      reasoned: 'w1',
      failed: 'w2',
      stopped: 'a1',
      nested: 'v1',
    } as const;
    const facts = factsOf({ sink, links, plain: plain.stdout, recorded: recorded.stdout, ...calls });
    const version = versionIn(dirname(file), '@anthropic-ai/claude-agent-sdk');
    await reach(`@anthropic-ai/claude-agent-sdk ${version.split('.').slice(0, 2).join('.')}`, version, {
      ...facts,
      systemPrompt: 'no: as the application gave it; the native program adds to it, and where it gave none it is unknown',
      tools: 'no: their names alone',
      // A conversation that streams its prompts in.
      streaming: observed(links.intent('i1') !== undefined, 'not recorded'),
      timeout: 'no: an error like any other',
      veto: 'yes',
      cjs: 'no: the package has none',
      node: 'yes',
    });
  });
});
