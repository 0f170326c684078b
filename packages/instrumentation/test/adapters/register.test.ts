import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { findings } from '../support/recording.js';
import { FIXTURES, launch, REGISTER, runToEnd, temporaryFolder } from './support/process.js';
import { type Sink, startSink } from './support/sink.js';

const APP = join(FIXTURES, 'app.mjs');
/** An agent on no framework: it starts faster. */
const PLAIN = join(FIXTURES, 'plain.mjs');

let open: Sink | undefined;
afterEach(() => open?.close());

async function sinkFor(): Promise<Sink> {
  open = await startSink();
  return open;
}

const intents = (sink: Sink) => sink.links().filter(({ kind }) => kind === 'action.intent').length;

describe('the line at the start', () => {
  it('says who, where to, where the spool is and what is armed', async () => {
    const sink = await sinkFor();
    const spool = temporaryFolder();
    const { stderr } = await runToEnd(PLAIN, { endpoint: sink.url, spool });
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain(`agent-custody: agent bot; evidence to ${sink.url}/v1/traces, spool ${spool}/`);
    expect(stderr).toContain('armed when loaded: ai, mcp');
  });

  it('shows no password of the endpoint', async () => {
    const { stderr } = await runToEnd(PLAIN, { endpoint: 'http://user:secret@127.0.0.1:9' });
    expect(stderr).toContain('evidence to http://127.0.0.1:9/v1/traces');
    expect(stderr).not.toContain('secret');
  });

  it.each([{ CUSTODY_QUIET: 'true' }, { OTEL_LOG_LEVEL: 'none' }])('is silenced by %o', async (env) => {
    const sink = await sinkFor();
    const { stderr } = await runToEnd(PLAIN, { endpoint: sink.url, env });
    expect(stderr).toBe('');
    expect(intents(sink)).toBe(1);
  });
});

describe('the environment', () => {
  it('OTEL_SDK_DISABLED turns everything off', async () => {
    const sink = await sinkFor();
    const { stdout, stderr } = await runToEnd(PLAIN, { endpoint: sink.url, env: { OTEL_SDK_DISABLED: 'true' } });
    expect(stdout).toBe('result: over\n');
    expect(stderr).toContain('off, OTEL_SDK_DISABLED is true');
    expect(sink.requests()).toBe(0);
  });

  it.each([
    [{ OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'ai' }, 0],
    [{ OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'agent-custody' }, 0],
    [{ OTEL_NODE_ENABLED_INSTRUMENTATIONS: 'mcp' }, 0],
    [{ OTEL_NODE_ENABLED_INSTRUMENTATIONS: 'ai,http' }, 1],
    [{ OTEL_NODE_ENABLED_INSTRUMENTATIONS: 'http' }, 1],
  ])('%o leaves %i actions recorded', async (env, actions) => {
    const sink = await sinkFor();
    await runToEnd(APP, { endpoint: sink.url, env });
    expect(intents(sink)).toBe(actions);
  });

  it('exports the spans of the application, nested in the links that the evidence channel carries, each once', async () => {
    const sink = await sinkFor();
    const env = { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: sink.url, OTEL_SERVICE_NAME: 'shop' };
    await runToEnd(APP, { endpoint: sink.url, env });
    const spans = sink.spans();
    const named = (name: string) => spans.filter((span) => span.name === name);
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
    expect(named('inside the tool')[0]?.parentSpanId).toBe(named('execute_tool act')[0]?.spanId);
    expect(named('execute_tool act')[0]?.parentSpanId).toBe(named('invoke_agent bot')[0]?.spanId);
    expect(named('invoke_agent bot')[0]?.parentSpanId).toBe(named('request')[0]?.spanId);
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
    expect(findings(sink.links())).toEqual([]);
  });

  it('records everything where the sampler drops every span of the application', async () => {
    const sink = await sinkFor();
    const env = { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: sink.url, OTEL_TRACES_SAMPLER: 'always_off' };
    await runToEnd(APP, { endpoint: sink.url, env });
    expect(sink.spans().map(({ name }) => name)).not.toContain('request');
    expect(intents(sink)).toBe(1);
    expect(findings(sink.links())).toEqual([]);
  });

  it('names the agent after the service unless CUSTODY_AGENT_ID does', async () => {
    const sink = await sinkFor();
    await runToEnd(PLAIN, { endpoint: sink.url, env: { CUSTODY_AGENT_ID: '', OTEL_SERVICE_NAME: 'shop' } });
    expect(new Set(sink.links().map(({ attributes }) => attributes['gen_ai.agent.id']))).toEqual(new Set(['shop']));
  });

  it('says of a protocol that it does not speak what it uses instead', async () => {
    const sink = await sinkFor();
    const { stderr } = await runToEnd(PLAIN, { endpoint: sink.url, env: { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' } });
    expect(stderr).toContain('OTEL_EXPORTER_OTLP_PROTOCOL=grpc: http/protobuf is used instead');
  });
});

describe('an application with a provider of its own', () => {
  it('has its way: its provider is the one registered, and sees its own spans only', async () => {
    const sink = await sinkFor();
    const { stdout, stderr } = await runToEnd(join(FIXTURES, 'own-provider.mjs'), { endpoint: sink.url, env: { OTEL_LOG_LEVEL: 'error' } });
    expect(stdout).toContain('own provider: true');
    expect(stdout).toContain('spans: inside the tool, request');
    expect(stderr).not.toContain('duplicate');
    expect(findings(sink.links())).toEqual([]);
    expect(intents(sink)).toBe(1);
  });
});

describe('the loader', () => {
  const everything = join(FIXTURES, 'wrap-everything.mjs');

  it.each([
    ['after', ['--import', everything, '--import', REGISTER]],
    ['before', ['--import', REGISTER, '--import', everything]],
  ])('is armed %s the loader of other instrumentations, without a warning', async (_order, node) => {
    const sink = await sinkFor();
    const { stderr } = await runToEnd(APP, { endpoint: sink.url, node });
    expect(intents(sink)).toBe(1);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it('loaded twice does everything once', async () => {
    const sink = await sinkFor();
    const { stderr } = await runToEnd(APP, {
      endpoint: sink.url,
      node: ['--import', REGISTER, '--import', `${pathToFileURL(REGISTER)}?again`],
    });
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(intents(sink)).toBe(1);
    expect(findings(sink.links())).toEqual([]);
  });

  it('says that it is unarmed where another copy of the loader came first', async () => {
    const sink = await sinkFor();
    const { stdout, stderr } = await runToEnd(APP, { endpoint: sink.url, node: ['--import', foreignLoader(), '--import', REGISTER] });
    expect(stdout).toBe('result: over\n');
    expect(stderr).toContain('UNARMED for ES modules: another loader hook came first; load this one before any other');
    // By name, as soon as it shows that the framework is there.
    expect(stderr).toMatch(/UNARMED: ai 6\.\S+ \(dist\/index\.mjs\): another loader hook came first/);
  });

  it('refuses to run unarmed with CUSTODY_STRICT', async () => {
    const sink = await sinkFor();
    const env = { CUSTODY_STRICT: 'true' };
    const { code, stdout, stderr } = await launch(APP, {
      endpoint: sink.url,
      env,
      node: ['--import', foreignLoader(), '--import', REGISTER],
    }).ended;
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('refusing to run');
  });

  it('says of a framework in another shape than it knows that its tools are not recorded, and refuses it with CUSTODY_STRICT', async () => {
    const sink = await sinkFor();
    const app = strangeFramework();
    const lenient = await runToEnd(app, { endpoint: sink.url, env: { OTEL_LOG_LEVEL: 'error' } });
    expect(lenient.stdout).toBe('the application runs\n');
    expect(lenient.stderr).toContain('UNARMED: ai 6.99.0 (dist/index.mjs): it has another shape than this package knows');
    const strict = await launch(app, { endpoint: sink.url, env: { CUSTODY_STRICT: 'true' } }).ended;
    expect([strict.code, strict.stdout]).toEqual([1, '']);
    expect(strict.stderr).toContain('refusing to run (strict): ai 6.99.0 (dist/index.mjs)');
  });

  it('arms only what is loaded, and status() says which version of it', async () => {
    const sink = await sinkFor();
    const { stdout } = await runToEnd(join(FIXTURES, 'status.mjs'), { endpoint: sink.url });
    const adapters = JSON.parse(stdout.split('\n')[1] ?? '') as { framework: string; state: string; version?: string; detail?: string }[];
    expect(adapters).toContainEqual({ framework: 'ai', state: 'armed', version: expect.stringMatching(/^6\./), detail: 'dist/index.mjs' });
    expect(adapters).toContainEqual({ framework: '@modelcontextprotocol/sdk', state: 'waiting' });
  });
});

/** A second copy of import-in-the-middle that wraps everything, as an instrumentation pinned to an older one brings along. */
function foreignLoader(): string {
  const folder = join(temporaryFolder(), 'node_modules');
  const require = createRequire(createRequire(import.meta.url).resolve('@opentelemetry/instrumentation'));
  const original = dirname(require.resolve('import-in-the-middle/package.json'));
  cpSync(original, join(folder, 'import-in-the-middle'), { recursive: true });
  const { dependencies } = require('import-in-the-middle/package.json') as { dependencies: Record<string, string> };
  for (const name of Object.keys(dependencies)) {
    const installed = join(dirname(original), name);
    // One that is nested in the copy came along with it.
    if (existsSync(installed)) symlinkSync(installed, join(folder, name));
  }
  const file = join(folder, 'foreign.mjs');
  writeFileSync(file, "import { register } from 'node:module';\nregister('import-in-the-middle/hook.mjs', import.meta.url);\n");
  return file;
}

/** An application on a version of the AI SDK to come. */
function strangeFramework(): string {
  const folder = temporaryFolder();
  const ai = join(folder, 'node_modules/ai');
  mkdirSync(join(ai, 'dist'), { recursive: true });
  const described = { name: 'ai', version: '6.99.0', type: 'module', exports: './dist/index.mjs', main: './dist/index.mjs' };
  writeFileSync(join(ai, 'package.json'), JSON.stringify(described));
  writeFileSync(join(ai, 'dist/index.mjs'), 'export const run = () => "the application runs";\n');
  const app = join(folder, 'app.mjs');
  writeFileSync(app, "import { run } from 'ai';\nconsole.log(run());\n");
  return app;
}
