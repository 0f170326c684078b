import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findings } from '../support/recording.js';
import { type Ended, FIXTURES, launch, runToEnd, temporaryFolder } from './support/process.js';
import { type Sink, startSink } from './support/sink.js';

interface Esbuild {
  build(options: object): Promise<unknown>;
}
const require = createRequire(fileURLToPath(new URL('../../../../test/frameworks/bundle/package.json', import.meta.url)));
const esbuild = require('esbuild') as Esbuild;

/** What an application does that bundles CommonJS packages into an ES module. */
const banner = { js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);" };

async function bundle(file: string, format: 'esm' | 'cjs', minify: boolean): Promise<string> {
  const outfile = join(temporaryFolder(), format === 'esm' ? 'app.mjs' : 'app.cjs');
  const entryPoints = [join(FIXTURES, file)];
  const own = format === 'esm' ? { banner } : {};
  await esbuild.build({
    entryPoints,
    outfile,
    format,
    minify,
    bundle: true,
    platform: 'node',
    target: 'node20',
    logLevel: 'error',
    ...own,
  });
  return outfile;
}

describe.each([
  ['an ES module', 'esm', false],
  ['an ES module, minified', 'esm', true],
  ['CommonJS', 'cjs', false],
  ['CommonJS, minified', 'cjs', true],
] as const)('an application bundled into %s, with governed tools', (_what, format, minify) => {
  let sink: Sink;
  let app: string;
  let ended: Ended;
  beforeAll(async () => {
    sink = await startSink();
    app = await bundle('bundled.mjs', format, minify);
    ended = await runToEnd(app, { endpoint: sink.url, node: [] });
  });
  afterAll(() => sink.close());

  const intents = () => sink.links().filter(({ kind }) => kind === 'action.intent');

  it('gets what it would get without', () => {
    expect(ended.stdout.split('\n')[0]).toBe('3 [[3,7],[]]');
  });

  it('delivers its chain, each call in it once, with arguments and call id', () => {
    const calls = intents().map(({ attributes, content }) => [
      attributes['gen_ai.tool.name'],
      attributes['gen_ai.tool.call.id'],
      content['gen_ai.tool.call.arguments'],
    ]);
    expect(calls.sort()).toEqual([
      ['add', 'c1', '{"a":1,"b":2}'],
      ['plain', 'c2', '{"a":3,"b":4}'],
    ]);
    expect(sink.links().at(-1)?.kind).toBe('session.end');
    expect(findings(sink.links())).toEqual([]);
  });

  it('is told that the framework is in the bundle', () => {
    expect(JSON.parse(ended.stdout.split('\n')[1] ?? '')).toContainEqual(expect.objectContaining({ framework: 'ai', why: 'bundled' }));
  });

  it('is not run with strict, be it from inside the bundle or by the preload', async () => {
    const env = { CUSTODY_STRICT: '1' };
    for (const node of [[], undefined]) {
      const { code, stdout, stderr } = await launch(app, { endpoint: sink.url, env, ...(node && { node }) }).ended;
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(
        node ? /refusing to run \(strict\): / : /refusing to run \(strict\): ai \(.*\): it is bundled into the appl.*governTools/,
      );
    }
  });
});

it('a file that only mentions a framework is no bundle of it', async () => {
  const app = join(temporaryFolder(), 'mention.mjs');
  writeFileSync(app, "console.log('spans named ai.toolCall');\n");
  const { stdout, stderr } = await runToEnd(app, { env: { CUSTODY_STRICT: '1' } });
  expect(stdout).toBe('spans named ai.toolCall\n');
  expect(stderr).not.toContain('UNARMED');
});
