import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findings } from '../support/recording.js';
import { linksIn } from './support/links.js';
import { type Ended, FRAMEWORKS, runToEnd } from './support/process.js';
import { type Sink, startSink } from './support/sink.js';

const PROGRAMS = [
  { name: '1 as ES module', file: 'anthropic/helpers.mjs' },
  { name: '1 as CommonJS', file: 'anthropic/helpers.cjs' },
  { name: '0.137', file: 'anthropic-0/helpers.mjs' },
];

describe.each(PROGRAMS)('what @anthropic-ai/sdk $name brings that runs tools', ({ file }) => {
  let sink: Sink;
  let recorded: Ended;
  let plain: Ended;
  let links: ReturnType<typeof linksIn>;

  beforeAll(async () => {
    sink = await startSink();
    links = linksIn(sink);
    const path = join(FRAMEWORKS, file);
    [recorded, plain] = await Promise.all([
      runToEnd(path, { endpoint: sink.url, env: { CUSTODY_STRICT: '1' } }),
      runToEnd(path, { node: [] }),
    ]);
  });
  afterAll(() => sink.close());

  /** What somebody said of a call. */
  const said = (callId: string): readonly unknown[] =>
    links
      .kind('approval')
      .filter(({ attributes }) => attributes['custody.action.id'] === links.intent(callId)?.attributes['custody.action.id'])
      .map(({ attributes }) => attributes['custody.approval.decision']);

  it('does the same as without, and a verifier finds nothing', () => {
    expect(recorded.stdout).toBe(plain.stdout);
    expect(plain.stdout.trim().split('\n')).toHaveLength(6);
    expect(findings(sink.links())).toEqual([]);
    for (const counts of links.attested()) expect(counts.split(' ')[0]).toBe(counts.split(' ')[1]);
  });

  it('is recorded: memory, shell and files, with their errors', () => {
    expect(links.call('m1')).toEqual(['memory', '{"command":"view","path":"/memories"}', 'ok']);
    expect(links.call('m2')[2]).toBe('error');
    expect(['e1', 'e2', 'e3'].map((id) => links.call(id).join(' '))).toEqual([
      'write {"content":"hello","file_path":"a.txt"} ok',
      'bash {"command":"cat a.txt"} ok',
      'read {"file_path":"none.txt"} error',
    ]);
    expect(links.reason('m1')).toEqual(['text', 'Looking.']);
  });

  it('is recorded: tools of an MCP server, with what its client does inside them', () => {
    expect([links.call('s1'), links.call('s2')]).toEqual([
      ['find', '{"id":4}', 'ok'],
      ['find', '{"id":0}', 'error'],
    ]);
    const inner = links.kind('action.intent').filter(({ attributes }) => attributes['gen_ai.tool.name'] === 'callTool');
    expect(inner.map(({ attributes }) => attributes['custody.action.parent.id'])).toEqual(
      ['s1', 's2'].map((id) => links.intent(id)?.attributes['custody.action.id']),
    );
  });

  it('is recorded: the members of toolsets, with what somebody said of them when the toolset asked', () => {
    expect(['c1', 'c2', 'c3', 'c4', 'c5', 'c6'].map((id) => [links.call(id)[0], links.call(id)[2], ...said(id)])).toEqual([
      ['left_click', 'ok', 'approved'],
      ['key', 'denied', 'denied'],
      // Of a toolset’s members the rest is not run once one fails.
      [undefined, undefined],
      // Nobody could be asked.
      ['left_click', 'denied'],
      ['double_click', 'error', 'approved'],
      ['left_click', 'ok'],
    ]);
    const inner = links.kind('action.intent').find(({ attributes }) => attributes['gen_ai.tool.name'] === 'look');
    expect(inner?.attributes['custody.action.parent.id']).toBe(links.intent('c1')?.attributes['custody.action.id']);
  });

  it('is recorded: the tools of an agent that runs at the provider, with the confirmations that it waited for', () => {
    expect(['t1', 't2', 't3', 't4', 't5', 't6'].map((id) => [links.call(id)[2], ...said(id)])).toEqual([
      ['ok'],
      ['ok', 'approved'],
      ['denied', 'denied'],
      [undefined],
      ['ok'],
      ['error'],
    ]);
    expect(links.call('t3')).toEqual(['add', '{"n":3}', 'denied']);
  });
});
