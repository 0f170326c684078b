import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FIXTURES } from './support/process.js';
import { claimUnchanged, withAndWithout } from './support/program.js';

const LOADINGS = [
  { name: 'MCP version 1 as ES module', file: 'mcp1.mjs' },
  { name: 'MCP version 1 as CommonJS', file: 'mcp1.cjs' },
  { name: 'MCP version 2 as ES module', file: 'mcp2.mjs' },
  { name: 'MCP version 2 as CommonJS', file: 'mcp2.cjs' },
];

describe.each(LOADINGS)('$name', ({ file }) => {
  const run = withAndWithout(join(FIXTURES, file));
  const { all, links } = run;

  claimUnchanged(run, { lines: 8, links: 18 });

  const outcomes = () =>
    links.kind('action.outcome').map(({ attributes }) => [attributes['gen_ai.tool.name'], attributes['custody.action.status']]);

  it('delivers one chain of the process', () => {
    expect(links.kind('session.start')).toHaveLength(1);
    expect(all().at(-1)).toMatchObject({ kind: 'session.end', attributes: { 'custody.session.outcome': 'shutdown' } });
  });

  it('records each call as a tool of the kind that reaches out, with its arguments', () => {
    const intents = links.kind('action.intent');
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
    const failed = all().filter(({ attributes }) => attributes['custody.action.status'] === 'error');
    expect(failed[0]?.attributes['error.type']).toBe('tool_error');
  });
});
