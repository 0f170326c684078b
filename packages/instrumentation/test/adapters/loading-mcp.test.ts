import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findings } from '../support/recording.js';
import { type Ended, FIXTURES, runToEnd } from './support/process.js';
import { type Sink, startSink } from './support/sink.js';

const LOADINGS = [
  { name: 'MCP version 1 as ES module', file: 'mcp1.mjs' },
  { name: 'MCP version 1 as CommonJS', file: 'mcp1.cjs' },
  { name: 'MCP version 2 as ES module', file: 'mcp2.mjs' },
  { name: 'MCP version 2 as CommonJS', file: 'mcp2.cjs' },
];

describe.each(LOADINGS)('$name', ({ file }) => {
  let sink: Sink;
  let recorded: Ended;
  let plain: Ended;

  beforeAll(async () => {
    sink = await startSink();
    const path = join(FIXTURES, file);
    [recorded, plain] = await Promise.all([runToEnd(path, { endpoint: sink.url }), runToEnd(path, { node: [] })]);
  });
  afterAll(() => sink.close());

  const outcomes = () =>
    sink
      .links()
      .flatMap(({ kind, attributes }) =>
        kind === 'action.outcome' ? [[attributes['gen_ai.tool.name'], attributes['custody.action.status']]] : [],
      );

  it('behaves for the application exactly as it does without', () => {
    expect(recorded.stdout).toBe(plain.stdout);
    expect(plain.stdout.split('\n').length).toBeGreaterThan(8);
  });

  it('delivers one chain of the process, in which a verifier finds nothing', () => {
    expect(findings(sink.links())).toEqual([]);
    expect(sink.links().filter(({ kind }) => kind === 'session.start')).toHaveLength(1);
    expect(sink.links().at(-1)).toMatchObject({ kind: 'session.end', attributes: { 'custody.session.outcome': 'shutdown' } });
  });

  it('records each call as a tool of the kind that reaches out, with its arguments', () => {
    const intents = sink.links().filter(({ kind }) => kind === 'action.intent');
    expect(intents.map(({ content }) => content['gen_ai.tool.call.arguments']).slice(0, 4)).toEqual([
      '{"message":"hello"}',
      '{"a":1,"b":1}',
      '{"a":2,"b":1}',
      '{"a":3,"b":1}',
    ]);
    expect(new Set(intents.map(({ attributes }) => attributes['gen_ai.tool.type']))).toEqual(new Set(['extension']));
  });

  it('tells results, errors that are results, aborts and timeouts apart', () => {
    expect(outcomes()).toEqual(
      expect.arrayContaining([
        ['echo', 'ok'],
        ['get-sum', 'ok'],
        ['get-sum', 'error'],
        ['get-tiny-image', 'ok'],
        ['trigger-long-running-operation', 'cancelled'],
        ['trigger-long-running-operation', 'timeout'],
        ['echo', 'error'],
      ]),
    );
    const failed = sink.links().filter(({ attributes }) => attributes['custody.action.status'] === 'error');
    expect(failed[0]?.attributes['error.type']).toBe('tool_error');
  });
});
