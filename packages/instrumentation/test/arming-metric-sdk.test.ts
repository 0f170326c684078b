import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installOwnPackages } from './adapters/support/install.js';
import { FRAMEWORKS, PACKAGE, runToEnd } from './adapters/support/process.js';
import { type Sink, startSink } from './adapters/support/sink.js';

const OTEL = join(FRAMEWORKS, 'otel');
const REGISTER = join(OTEL, 'node_modules/@agent-custody/instrumentation/dist/register.js');
const preloads = (...files: string[]): string[] => files.flatMap((file) => ['--import', join(OTEL, file)]);
const METRIC = 'custody.instrumentation.adapter';

/** Name of the instrument, value, attributes. */
type Point = [string, number, { framework: string; state: string; version?: string }];
const pointsOf = (stdout: string): Point[][] =>
  stdout
    .split('\n')
    .filter((line) => line.startsWith('['))
    .map((line) => JSON.parse(line) as Point[]);
const of = (framework: string, points: Point[] | undefined): Point[] | undefined =>
  points?.filter((point) => point[2].framework === framework);

let sink: Sink;
beforeAll(async () => {
  installOwnPackages(OTEL);
  sink = await startSink();
});
afterAll(() => sink.close());

describe.each([
  ['a NodeSDK that is given the instrumentation', preloads('node-sdk.mjs')],
  ['the preload, before the application registers its MeterProvider', ['--import', REGISTER, ...preloads('meter-provider.mjs')]],
  ['the preload, after the application has registered its MeterProvider', [...preloads('meter-provider.mjs'), '--import', REGISTER]],
])('what became of each framework, by %s', (_how, node) => {
  it('is exported as a metric: first as waiting, then as armed and waiting no more', async () => {
    const { stdout } = await runToEnd(join(OTEL, 'app.mjs'), { endpoint: sink.url, node });
    const [before, after] = pointsOf(stdout);
    expect(new Set(after?.map(([name]) => name))).toEqual(new Set([METRIC]));
    expect(of('ai', before)).toEqual([[METRIC, 1, { framework: 'ai', state: 'waiting' }]]);
    expect(of('ai', after)).toEqual([
      [METRIC, 0, { framework: 'ai', state: 'waiting' }],
      [METRIC, 1, { framework: 'ai', state: 'armed', version: expect.stringMatching(/^6\./) }],
    ]);
    expect(of('openai', after)).toEqual([[METRIC, 1, { framework: 'openai', state: 'waiting' }]]);
  });
});

it('is exported by a NodeSDK that the application starts after the preload, with an exporter named by the environment', async () => {
  const env = { OTEL_METRICS_EXPORTER: 'console', OTEL_LOGS_EXPORTER: 'none' };
  const { stdout } = await runToEnd(join(OTEL, 'node-sdk-by-environment.mjs'), { endpoint: sink.url, node: ['--import', REGISTER], env });
  expect(stdout).toContain(`name: '${METRIC}'`);
  expect(stdout).toMatch(/framework: 'ai',\s+state: 'armed',\s+version: '6\./);
});

it('is no metric where the application has no MeterProvider: the preload makes none', async () => {
  const env = { OTEL_METRICS_EXPORTER: 'console' };
  const { stdout } = await runToEnd(join(PACKAGE, 'test/fixtures/app.mjs'), { endpoint: sink.url, node: ['--import', REGISTER], env });
  expect(stdout).toBe('result: over\n');
});

it('is on the resource of the evidence beside a NodeSDK, with what the environment says of the resource', async () => {
  const own = await startSink();
  const env = { OTEL_SERVICE_NAME: 'shop', OTEL_RESOURCE_ATTRIBUTES: 'service.version=1.2.3' };
  await runToEnd(join(OTEL, 'app.mjs'), { endpoint: own.url, node: preloads('node-sdk.mjs'), env });
  const resource = Object.fromEntries(own.spans().at(-1)?.resource ?? []);
  expect(resource).toMatchObject({
    'service.name': 'shop',
    'service.version': '1.2.3',
    'custody.instrumentation.armed': [expect.stringMatching(/^ai 6\./), expect.stringMatching(/^@ai-sdk\/provider-utils 4\./)],
    'custody.instrumentation.unarmed': [],
  });
  await own.close();
});
