import { join } from 'node:path';
import type { LinkCopy } from '@agent-custody/chain';
import { describe, expect, it } from 'vitest';
import { findings } from '../support/recording.js';
import { FRAMEWORKS, GUARDED, REGISTER, runToEnd } from './support/process.js';
import { claimUnchanged, withAndWithout } from './support/program.js';
import { startSink } from './support/sink.js';

const FOLDER = join(FRAMEWORKS, 'mcp-server');
const CLIENT = join(FOLDER, 'client-program.mjs');
const SERVERS = ['server1.mjs', 'server1.cjs', 'server1-low.mjs', 'server2.mjs', 'server2.cjs', 'server2-low.mjs'];

const run = (server: string, options: Parameters<typeof runToEnd>[1] = {}, ...rest: string[]) =>
  runToEnd(CLIENT, { ...options, args: [join(FOLDER, server), ...rest] });

const linksOf = (links: readonly LinkCopy[], agent: string, kind?: string) =>
  links.filter((link) => link.attributes['gen_ai.agent.id'] === agent && (kind === undefined || link.kind === kind));
const text = (link: LinkCopy | undefined, key: string) => link?.attributes[key];

describe.each(SERVERS)('%s, called by an agent in another process', (server) => {
  const run = withAndWithout(CLIENT, { args: [join(FOLDER, server)] });
  const { all, spans } = run;
  const of = (agent: string, kind?: string) => linksOf(all(), agent, kind);

  claimUnchanged(run, { lines: 9, links: 60 });

  const calls = () =>
    of('server', 'action.intent').map((intent) => {
      const outcome = of('server', 'action.outcome').find(
        ({ attributes, session }) => session === intent.session && attributes['custody.action.id'] === text(intent, 'custody.action.id'),
      );
      const at = [text(intent, 'gen_ai.tool.name'), intent.content['gen_ai.tool.call.arguments']];
      return [...at, text(outcome, 'custody.action.status')];
    });

  it('opens a session for each call, child of the intent of the caller', () => {
    const intents = [...of('caller', 'action.intent'), ...of('bot', 'action.intent')];
    const starts = of('server', 'session.start');
    expect(starts).toHaveLength(intents.length);
    expect(starts.map(({ attributes }) => attributes['custody.parent.hash']).sort()).toEqual(intents.map(({ hash }) => hash).sort());
    expect(new Set(starts.map(({ traceId }) => traceId))).toEqual(new Set(intents.map(({ traceId }) => traceId)));
  });

  it('records each call once on each side, with its arguments as they were sent and how it ended', () => {
    const research = of('server', 'action.intent').find((link) => text(link, 'gen_ai.tool.name') === 'research');
    expect(text(research, 'gen_ai.tool.type')).toBe('function');
    expect(text(research, 'gen_ai.tool.call.id')).toMatch(/^\d+$/);
    expect(calls()).toEqual(
      expect.arrayContaining([
        ['echo', '{"message":"hello"}', 'ok'],
        ['echo', '{"message":"x","times":3}', 'ok'],
        ['nothing', '{}', 'ok'],
        ['echo', '{"message":7}', 'error'],
        ['fail', '{}', 'error'],
        ['wrong', '{}', 'error'],
        ['unknown', '{}', 'error'],
        ['research', '{"id":1}', 'ok'],
        ['wait', '{}', 'cancelled'],
      ]),
    );
    expect(calls().filter(([name]) => name === 'research')).toHaveLength(1);
  });

  it('nests the spans of the application in the tool', () => {
    const span = spans().find(({ name }) => name === 'inside the server');
    const research = of('server', 'action.outcome').find((link) => text(link, 'gen_ai.tool.name') === 'research');
    expect(span?.parentSpanId).toBe(research?.spanId);
  });

  it('puts what a tool does into its session, and an agent behind it into a child of that', () => {
    const research = of('server', 'action.intent').find((link) => text(link, 'gen_ai.tool.name') === 'research');
    const inner = of('server', 'action.intent').find((link) => text(link, 'gen_ai.tool.name') === 'look');
    const [agent] = of('researcher', 'session.start');
    expect(inner?.session).toBe(research?.session);
    expect(text(inner, 'custody.action.parent.id')).toBe(text(research, 'custody.action.id'));
    expect(text(agent, 'custody.parent.session.id')).toBe(research?.session);
  });
});

describe('a call of somebody who is not recorded', () => {
  it.each(['server1.mjs', 'server2.mjs'])('goes to the session of the process on %s', async (server) => {
    const sink = await startSink();
    await run(server, { endpoint: sink.url, node: [], env: { SERVER_NODE: JSON.stringify(['--import', REGISTER]) } }, 'one');
    expect(linksOf(sink.links(), 'server').map(({ kind }) => kind)).toEqual([
      'session.start',
      ...['action.intent', 'action.outcome', 'action.intent', 'action.outcome'],
      'session.end',
    ]);
    expect(findings(sink.links())).toEqual([]);
    await sink.close();
  });
});

describe('a function that a policy of the server refuses inside a tool', () => {
  it.each(['server1.mjs', 'server2-low.mjs'])('fails the tool of %s, of which the caller is told, and the run goes on', async (server) => {
    const sink = await startSink();
    const { stdout } = await run(server, { endpoint: sink.url, node: GUARDED, env: { VETO: 'look', APPROVE: 'echo' } });
    expect(stdout).toContain('The call of look was refused by policy (blocked): not here.');
    expect(stdout).toContain('"outside"');
    expect(new Set(sink.links().flatMap(({ attributes }) => attributes['custody.approval.approver'] ?? []))).toEqual(
      new Set(['bob@example.com']),
    );
    expect(findings(sink.links())).toEqual([]);
    await sink.close();
  });
});

describe('a tool that a policy of the server refuses', () => {
  it.each(['server1.mjs', 'server2-low.mjs'])('does not run on %s, and the caller is told by the result', async (server) => {
    const sink = await startSink();
    const { stdout } = await run(server, { endpoint: sink.url, node: GUARDED, env: { VETO: 'echo' } }, 'one');
    expect(stdout.split('\n')[0]).toBe(
      '{"isError":true,"content":[{"type":"text","text":"The call of echo was refused by policy (blocked): not here."}]}',
    );
    expect(new Set(sink.links().flatMap(({ attributes }) => attributes['custody.action.status'] ?? []))).toEqual(new Set(['denied']));
    expect(findings(sink.links())).toEqual([]);
    await sink.close();
  });
});
