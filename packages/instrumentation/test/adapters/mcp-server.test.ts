import { join } from 'node:path';
import type { LinkCopy } from '@agent-custody/chain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findings } from '../support/recording.js';
import { type Ended, FRAMEWORKS, GUARDED, REGISTER, runToEnd, versionIn } from './support/process.js';
import { observed, reach } from './support/reach.js';
import { type Sink, startSink } from './support/sink.js';

const FOLDER = join(FRAMEWORKS, 'mcp-server');
const CLIENT = join(FOLDER, 'client-program.mjs');
const SERVERS = ['server1.mjs', 'server1.cjs', 'server1-low.mjs', 'server2.mjs', 'server2.cjs', 'server2-low.mjs'];

const run = (server: string, options: Parameters<typeof runToEnd>[1] = {}, ...rest: string[]) =>
  runToEnd(CLIENT, { ...options, args: [join(FOLDER, server), ...rest] });

const of = (sink: Sink, agent: string, kind?: string) =>
  sink.links().filter((link) => link.attributes['gen_ai.agent.id'] === agent && (kind === undefined || link.kind === kind));
const text = (link: LinkCopy | undefined, key: string) => link?.attributes[key];

/** What each server showed, for the table in the README. */
const seen = new Map<string, Set<string>>();

describe.each(SERVERS)('%s, called by an agent in another process', (server) => {
  let sink: Sink;
  let recorded: Ended;
  let plain: Ended;

  beforeAll(async () => {
    sink = await startSink();
    const env = { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: sink.url };
    [recorded, plain] = await Promise.all([run(server, { endpoint: sink.url, env }), run(server, { node: [] })]);
  });
  afterAll(() => sink.close());

  const calls = () =>
    of(sink, 'server', 'action.intent').map((intent) => {
      const outcome = of(sink, 'server', 'action.outcome').find(
        ({ attributes, session }) => session === intent.session && attributes['custody.action.id'] === text(intent, 'custody.action.id'),
      );
      const at = [text(intent, 'gen_ai.tool.name'), intent.content['gen_ai.tool.call.arguments']];
      return [...at, text(outcome, 'custody.action.status')];
    });

  it('behaves for both exactly as it does without', () => {
    expect(recorded.stdout).toBe(plain.stdout);
    expect(plain.stdout.split('\n').length).toBeGreaterThan(9);
  });

  it('leaves chains in both processes in which a verifier finds nothing', () => {
    expect(findings(sink.links())).toEqual([]);
    expect(sink.links().length).toBeGreaterThan(60);
  });

  it('opens a session for each call, child of the intent of the caller', () => {
    const intents = [...of(sink, 'caller', 'action.intent'), ...of(sink, 'bot', 'action.intent')];
    const starts = of(sink, 'server', 'session.start');
    expect(starts).toHaveLength(intents.length);
    expect(starts.map(({ attributes }) => attributes['custody.parent.hash']).sort()).toEqual(intents.map(({ hash }) => hash).sort());
    expect(new Set(starts.map(({ traceId }) => traceId))).toEqual(new Set(intents.map(({ traceId }) => traceId)));
  });

  it('records each call once on each side, with its arguments as they were sent and how it ended', () => {
    const research = of(sink, 'server', 'action.intent').find((link) => text(link, 'gen_ai.tool.name') === 'research');
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

  it('shows what is reachable, and nests the spans of the application in the tool', () => {
    const span = sink.spans().find(({ name }) => name === 'inside the server');
    const research = of(sink, 'server', 'action.outcome').find((link) => text(link, 'gen_ai.tool.name') === 'research');
    expect(span?.parentSpanId).toBe(research?.spanId);
    const typed = of(sink, 'server').flatMap(({ attributes }) => attributes['gen_ai.tool.type'] ?? []);
    seen.set(server, new Set(['nested', 'call id', ...typed.map(String), ...calls().map((call) => call.join(' '))]));
  });

  it('puts what a tool does into its session, and an agent behind it into a child of that', () => {
    const research = of(sink, 'server', 'action.intent').find((link) => text(link, 'gen_ai.tool.name') === 'research');
    const inner = of(sink, 'server', 'action.intent').find((link) => text(link, 'gen_ai.tool.name') === 'look');
    const [agent] = of(sink, 'researcher', 'session.start');
    expect(inner?.session).toBe(research?.session);
    expect(text(inner, 'custody.action.parent.id')).toBe(text(research, 'custody.action.id'));
    expect(text(agent, 'custody.parent.session.id')).toBe(research?.session);
  });
});

describe('a call of somebody who is not recorded', () => {
  it.each(['server1.mjs', 'server2.mjs'])('goes to the session of the process on %s', async (server) => {
    const sink = await startSink();
    await run(server, { endpoint: sink.url, node: [], env: { SERVER_NODE: JSON.stringify(['--import', REGISTER]) } }, 'one');
    expect(of(sink, 'server').map(({ kind }) => kind)).toEqual([
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

it.each([
  ['@modelcontextprotocol/sdk 1 server', 'server1', '@modelcontextprotocol/sdk'],
  ['@modelcontextprotocol/server 2', 'server2', '@modelcontextprotocol/server'],
])('what is reachable of %s is what the README says', async (framework, server, packageName) => {
  const [esm, cjs] = [seen.get(`${server}.mjs`), seen.get(`${server}.cjs`)];
  const has = (name: string, input: string, status: string) => observed(esm?.has(`${name} ${input} ${status}`) === true, 'not recorded');
  const unknown = 'no: the session of the caller says it';
  await reach(framework, versionIn('mcp-server', packageName), {
    arguments: has('research', '{"id":1}', 'ok'),
    callId: observed(esm?.has('call id') === true, 'not told'),
    toolType: observed(esm?.has('function') === true, 'not told'),
    reason: unknown,
    systemPrompt: unknown,
    tools: unknown,
    model: unknown,
    streaming: 'no: a call has one result',
    parallel: has('echo', '{"message":"x","times":3}', 'ok'),
    errors: has('fail', '{}', 'error'),
    timeout: 'no: it is the client that waits; here it is cancelled',
    cancellation: has('wait', '{}', 'cancelled'),
    veto: observed(esm !== undefined, 'it runs'),
    nesting: observed(esm?.has('nested') === true, 'spans of the tool are roots'),
    esm: has('nothing', '{}', 'ok'),
    cjs: observed(cjs?.has('nothing {} ok') === true, 'not recorded'),
    node: 'yes',
  });
});
