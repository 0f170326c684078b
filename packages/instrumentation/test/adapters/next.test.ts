import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ATTR, type LinkCopy } from '@agent-custody/chain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hookFiles } from '../../src/loader.js';
import { findings } from '../support/recording.js';
import { installOwnPackages } from './support/install.js';
import { FRAMEWORKS, launch, PACKAGE, REGISTER, type Running, runToEnd, temporaryFolder } from './support/process.js';
import { type Sink, startSink } from './support/sink.js';

const APP = join(FRAMEWORKS, 'next');
const NEXT = createRequire(join(APP, 'package.json')).resolve('next/dist/bin/next');
const BUILD_MS = 240_000;

type Build = 'hooked' | 'bundled';
const environment = (build: Build) => ({ CUSTODY_TEST_BUILD: build, NEXT_TELEMETRY_DISABLED: '1' });

async function build(how: Build): Promise<void> {
  installOwnPackages(APP);
  rmSync(join(APP, 'dist', how), { recursive: true, force: true });
  await runToEnd(NEXT, { node: [], args: ['build', APP], env: environment(how) });
}

interface Server extends Running {
  ask(path: string, body?: unknown): Promise<Response>;
}

/** Listens on a port that the system chooses, and says which. */
async function listening(running: Running): Promise<Server> {
  let said = '';
  running.child.stdout?.on('data', (chunk) => (said += String(chunk)));
  await running.says('Ready in');
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0] ?? '';
  const ask = (path: string, body?: unknown): Promise<Response> =>
    fetch(`${url}/api/${path}`, body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) });
  return { ...running, ask };
}

function policy(): string {
  const file = join(temporaryFolder(), 'policy.json');
  writeFileSync(file, JSON.stringify({ blocked_tools: ['send_email'] }));
  return file;
}

const start = (how: Build, endpoint: string, env: Record<string, string> = {}): Promise<Server> =>
  listening(
    launch(NEXT, {
      node: [],
      args: ['start', APP, '-H', '127.0.0.1', '-p', '0'],
      endpoint,
      env: { ...environment(how), CUSTODY_POLICY: policy(), ...env },
    }),
  );

interface Row {
  readonly framework: string;
  readonly state: string;
  readonly why?: string;
  readonly version?: string;
  readonly detail?: string;
}
const rowsOf = async (server: Server): Promise<Row[]> =>
  ((await (await server.ask('status')).json()) as { adapters: Row[] }).adapters.filter(({ state }) => state !== 'waiting');

const ended = (sink: Sink, sessions: number): Promise<void> =>
  sink.until(() => sink.links().filter(({ kind }) => kind === 'session.end').length === sessions);
const callOf = ({ attributes, content }: LinkCopy) => [
  attributes[ATTR.toolName],
  attributes[ATTR.toolCallId],
  content['gen_ai.tool.call.arguments'],
  content['custody.action.reason'],
];
const calls = (sink: Sink) =>
  sink
    .links()
    .filter(({ kind }) => kind === 'action.intent')
    .map(callOf);
const statuses = (sink: Sink) =>
  sink
    .links()
    .filter(({ kind }) => kind === 'action.outcome')
    .map(({ attributes }) => [attributes[ATTR.toolName], attributes[ATTR.actionStatus]])
    .sort();

const ANSWER = {
  text: 'done',
  told: [
    ['pay', 'booked 7 for ann'],
    ['send_email', expect.stringContaining('was refused by policy')],
  ],
};
const OUTCOMES = [
  ['book', 'ok'],
  ['pay', 'ok'],
  ['send_email', 'denied'],
];
const reasoned = (reason?: string) => [
  ['book', undefined, '{"amount":7}', undefined],
  ['pay', 'c1', '{"amount":7,"to":"ann"}', reason],
  ['send_email', 'c2', '{"to":"ann"}', reason],
];
const sorted = <T>(list: readonly T[]): T[] => [...list].sort();

const sinks: Sink[] = [];
const sinkFor = async (): Promise<Sink> => {
  const sink = await startSink();
  sinks.push(sink);
  return sink;
};
afterAll(() => Promise.all(sinks.map((sink) => sink.close())));
const endIt = async (server: Server): Promise<void> => {
  server.child.kill('SIGTERM');
  await server.ended;
};

/** What the doctor says of a build: its status, and what is armed. */
async function examined(how: Build): Promise<unknown[]> {
  const args = ['doctor', '--json', '--bundle', join(APP, 'dist', how, 'server'), APP];
  const { code, stdout } = await launch(join(PACKAGE, 'bin/agent-custody-instrumentation.js'), { node: [], args }).ended;
  return [code, ...(JSON.parse(stdout) as { framework: string; armed: string }[]).map(({ framework, armed }) => `${framework}: ${armed}`)];
}

describe('an application of Next that leaves the framework out of the bundle', () => {
  beforeAll(() => build('hooked'), BUILD_MS);

  it('is armed by its instrumentation file: reasons, refusals and streams, and an edge route beside it', async () => {
    const sink = await sinkFor();
    const server = await start('hooked', sink.url, { CUSTODY_STRICT: '1' });
    expect(await (await server.ask('agent', { to: 'ann' })).json()).toEqual(ANSWER);
    await ended(sink, 1);
    expect(sorted(calls(sink))).toEqual(reasoned('The invoice is due.'));
    expect(statuses(sink)).toEqual(OUTCOMES);
    expect(await rowsOf(server)).toEqual([
      { framework: 'ai', state: 'armed', version: expect.stringMatching(/^6\./), detail: 'dist/index.mjs' },
      { framework: '@ai-sdk/provider-utils', state: 'armed', version: expect.stringMatching(/^4\./), detail: 'dist/index.mjs' },
    ]);
    const streamed = await (await server.ask('chat', { to: 'ann' })).text();
    expect(streamed).toContain('booked 7 for ann');
    await ended(sink, 2);
    expect(calls(sink)).toHaveLength(6);
    expect(findings(sink.links())).toEqual([]);
    expect(await (await server.ask('edge')).text()).toBe('from the edge');
    await endIt(server);
  });

  it('is armed, says the doctor', async () => {
    expect(await examined('hooked')).toEqual([0, 'ai: yes', '@ai-sdk/provider-utils: yes']);
  });

  it('has its runs nested in the spans that Next makes of a request', async () => {
    const sink = await sinkFor();
    const env = { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: sink.url };
    const server = await start('hooked', sink.url, env);
    await server.ask('agent', { to: 'ann' });
    const named = (name: string) => sink.spans().find((span) => span.name === name);
    await sink.until(() => named('POST /api/agent') !== undefined);
    await ended(sink, 1);
    const run = named('invoke_agent payer');
    expect(named('executing api route (app) /api/agent')?.spanId).toBe(run?.parentSpanId);
    expect(named('POST /api/agent')?.traceId).toBe(run?.traceId);
    await endIt(server);
  });

  it('is armed in its standalone output too, in another place', async () => {
    const place = temporaryFolder();
    cpSync(join(APP, 'dist/hooked/standalone'), place, { recursive: true, verbatimSymlinks: true });
    const sink = await sinkFor();
    const env = { CUSTODY_POLICY: policy(), CUSTODY_STRICT: '1', PORT: '0', HOSTNAME: '127.0.0.1' };
    const server = await listening(launch(join(place, 'test/frameworks/next/server.js'), { node: [], endpoint: sink.url, env }));
    expect(await (await server.ask('agent', { to: 'ann' })).json()).toEqual(ANSWER);
    await ended(sink, 1);
    expect(sorted(calls(sink))).toEqual(reasoned('The invoice is due.'));
    expect(findings(sink.links())).toEqual([]);
    await endIt(server);
  });
});

it('names the files of the loader hooks where those who gather an application’s files see them', async () => {
  const { nodeFileTrace } = createRequire(NEXT)('next/dist/compiled/@vercel/nft') as {
    nodeFileTrace(files: string[], options: { base: string }): Promise<{ fileList: Set<string> }>;
  };
  const { fileList } = await nodeFileTrace([REGISTER], { base: '/' });
  const gathered = (file: string): boolean => [...fileList].some((path) => path.endsWith(`import-in-the-middle/${file}`));
  expect(['hook.mjs', 'create-hook.mjs', 'lib/get-exports.mjs'].filter(gathered)).toHaveLength(3);
  expect(await hookFiles()).toMatchObject({ load: expect.any(Function), resolve: expect.any(Function) });
});

describe('an application of Next with the framework in its bundle', () => {
  beforeAll(() => build('bundled'), BUILD_MS);

  it('has its governed and audited tools recorded and refused, once each, and is told that the framework is bundled', async () => {
    const sink = await sinkFor();
    const server = await start('bundled', sink.url);
    expect(await (await server.ask('agent', { to: 'ann' })).json()).toEqual(ANSWER);
    await ended(sink, 1);
    expect(sorted(calls(sink))).toEqual(reasoned());
    expect(statuses(sink)).toEqual(OUTCOMES);
    expect(findings(sink.links())).toEqual([]);
    expect(await rowsOf(server)).toEqual([
      { framework: 'ai', state: 'unarmed', why: 'bundled', detail: expect.stringContaining(join(APP, 'dist/bundled/server')) },
    ]);
    await endIt(server);
  });

  it('is not armed, says the doctor', async () => {
    expect(await examined('bundled')).toEqual([1, '@ai-sdk/provider-utils: yes', 'ai: no']);
  });

  it('is not run with strict: it ends before its first tool call, and says what to do', async () => {
    const sink = await sinkFor();
    const server = await start('bundled', sink.url, { CUSTODY_STRICT: '1' });
    await expect(server.ask('agent', { to: 'ann' })).rejects.toThrow();
    const { code, stderr } = await server.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /refusing to run \(strict\): ai \(.*\): it is bundled into the application.*Next: serverExternalPackages.*governTools/,
    );
    expect(calls(sink)).toEqual([]);
  });

  it('is run with strict where the adapter is named off, since its tools are governed', async () => {
    const sink = await sinkFor();
    const env = { CUSTODY_STRICT: '1', OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'ai' };
    const server = await start('bundled', sink.url, env);
    expect(await (await server.ask('agent', { to: 'ann' })).json()).toEqual(ANSWER);
    await ended(sink, 1);
    expect(sorted(calls(sink))).toEqual(reasoned());
    expect(findings(sink.links())).toEqual([]);
    await endIt(server);
  });
});
