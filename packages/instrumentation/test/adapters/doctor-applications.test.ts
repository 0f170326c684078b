import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { AI5, type Ended, FRAMEWORKS, launch, REGISTER, temporaryFolder } from './support/process.js';

const BIN = fileURLToPath(new URL('../../bin/agent-custody-instrumentation.js', import.meta.url));
const AI = dirname(createRequire(import.meta.url).resolve('ai/package.json'));

const doctor = (args: readonly string[], env: Record<string, string> = {}): Promise<Ended> =>
  launch(BIN, { node: [], args: ['doctor', ...args], env }).ended;
/** Its rows, without the file: `[framework, armed, recorded, what to do]`. */
const rowsOf = ({ stdout, stderr }: Ended): string[][] => {
  if (!stdout.startsWith('[')) throw new Error(`${stdout}\n${stderr}`);
  const rows = JSON.parse(stdout) as { framework: string; armed: string; recorded: string; remedy: string }[];
  return rows.map(({ framework, armed, recorded, remedy }) => [framework, armed, recorded, remedy]);
};
const ARMED = [
  ['ai', 'yes', 'yes', ''],
  ['@ai-sdk/provider-utils', 'yes', 'yes', ''],
];

/** A folder with an application on ai 6: its package.json, and its files. */
function application(files: Record<string, string>, manifest: object = { type: 'module' }): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(AI, join(folder, 'node_modules/ai'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ dependencies: { ai: '*' }, ...manifest }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const IMPORT = "import { generateText } from 'ai';\n";
const RAN = "import { writeFileSync } from 'node:fs';\nwriteFileSync(new URL('ran', import.meta.url), '');\n";

describe('the doctor, asked about an application', () => {
  it.each([
    ['waits for something while it is loaded', 'await new Promise((resolve) => setTimeout(resolve, 1));'],
    ['starts a server', "import { createServer } from 'node:http';\ncreateServer().listen(0, '127.0.0.1');"],
    ['throws while it is loaded', "throw new Error('no database');"],
    ['has an import of its framework in a function alone', "export const later = () => import('ai');"],
  ])('that %s, says what is armed, and does not run it', async (_what, text) => {
    const folder = application({ 'app.js': `${IMPORT}${RAN}${text}` });
    const answer = await doctor(['--json', join(folder, 'app.js')]);
    expect(rowsOf(answer)).toEqual(ARMED);
    expect([answer.code, answer.stderr]).toEqual([0, '']);
    expect(existsSync(join(folder, 'ran'))).toBe(false);
  });

  it.each([
    ['its text alone', 'app.js', {}, 'dist/index.mjs'],
    ['its text alone, with types', 'app.ts', {}, 'dist/index.mjs'],
    ['its package.json', 'app.js', { type: 'commonjs' }, 'dist/index.js'],
    ['its own name', 'app.cts', { type: 'module' }, 'dist/index.js'],
  ])('by the module system that %s says', async (_what, name, manifest, file) => {
    const folder = application({ [name]: IMPORT }, manifest);
    const { stdout } = await doctor(['--json', join(folder, name)]);
    expect(JSON.parse(stdout)).toContainEqual(expect.objectContaining({ framework: 'ai', file, armed: 'yes' }));
  });

  it('by its folder: what Node would start in it', async () => {
    const folder = application({ 'start/main.js': IMPORT }, { type: 'module', main: 'start/main.js' });
    expect(rowsOf(await doctor(['--json', folder]))).toEqual(ARMED);
    const empty = temporaryFolder();
    expect(await doctor([empty])).toMatchObject({ code: 64, stdout: expect.stringContaining("name the application's file") });
  });

  it('says of what is not installed that it has to be, with status 1', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ dependencies: { ai: '^6' } }));
    writeFileSync(join(folder, 'app.mjs'), IMPORT);
    const answer = await doctor(['--json', folder]);
    expect(rowsOf(answer)).toEqual([['ai', 'no', 'not tried', 'it is not installed: run npm install, and then this again']]);
    expect(answer.code).toBe(1);
  });

  it('does not look for what is switched off', async () => {
    const answer = await doctor(['--json', join(AI5, 'ai.mjs')], { OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'ai' });
    expect(rowsOf(answer)).toEqual([
      ['ai', 'switched off', 'not tried', ''],
      ['@ai-sdk/provider-utils', 'switched off', 'not tried', ''],
    ]);
    expect(answer.code).toBe(0);
  });

  it('does look for a package that one adapter of two is switched off for', async () => {
    const app = join(FRAMEWORKS, 'mcp-server/package.json');
    const answer = await doctor(['--json', app], { OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'mcp-server' });
    expect(rowsOf(answer).map(([framework, armed]) => `${framework}: ${armed}`)).toEqual([
      '@modelcontextprotocol/sdk: yes',
      '@modelcontextprotocol/client: yes',
      '@modelcontextprotocol/server: switched off',
    ]);
    expect(answer.code).toBe(0);
  });

  it('says that nothing sets the instrumentation up, where that is so', async () => {
    const answer = await doctor(['--json', join(AI5, 'ai.mjs')], { OTEL_SDK_DISABLED: 'true' });
    expect(rowsOf(answer)).toContainEqual(['ai', 'no', 'no', expect.stringContaining('nothing sets the instrumentation up')]);
    expect(answer.code).toBe(1);
  });

  it.each([
    ['throws', "throw new Error('no endpoint');", 'no endpoint', 'ended with 1 before it had an answer; what it said is above'],
    ['never comes to an end', 'await new Promise(() => undefined);', '', 'ended with 13 before it had an answer; what is preloaded awaits'],
  ])('says that a set-up of its own %s', async (_what, text, said, why) => {
    const folder = application({ 'app.js': IMPORT, 'telemetry.js': text });
    const { code, stdout, stderr } = await doctor(['--import', join(folder, 'telemetry.js'), join(folder, 'app.js')]);
    expect(code).toBe(1);
    expect(stdout).toContain(why);
    expect(stderr).toContain(said);
  });
});

it('the doctor says why hooks do not reach a framework, where Node takes none', async () => {
  const setUp = `import nodeModule, { syncBuiltinESMExports } from 'node:module';
    nodeModule.register = nodeModule.registerHooks = () => { throw new Error('none here'); };
    syncBuiltinESMExports();`;
  const folder = application({ 'app.js': IMPORT, 'telemetry.js': setUp });
  const preloads = [join(folder, 'telemetry.js'), REGISTER].flatMap((file) => ['--import', file]);
  const answer = await doctor(['--json', ...preloads, join(folder, 'app.js')]);
  // Recorded all the same, by its events, which cannot refuse a call.
  expect(rowsOf(answer)).toEqual([
    ['ai', 'no', 'yes', expect.stringContaining('the loader hooks could not be registered')],
    ['@ai-sdk/provider-utils', 'no', 'yes', expect.stringContaining('the loader hooks could not be registered')],
  ]);
  expect(answer.code).toBe(1);
});

describe('the doctor, asked about an application of Next', () => {
  const route = { 'app/api/route.js': IMPORT, 'instrumentation.js': '' };
  const manifest = { dependencies: { ai: '*', next: '*' } };
  const bundled = 'export const names = ["ai.generateText", "AI_InvalidToolInputError"];';

  it('says that it has to be built first', async () => {
    const answer = await doctor(['--json', join(application(route, manifest), 'app/api/route.js')]);
    expect(rowsOf(answer)).toContainEqual(['ai', 'yes', 'yes', expect.stringContaining('run next build, and then this again')]);
    expect(answer.code).toBe(1);
  });

  it('says that all is well where the framework is not in what was built', async () => {
    const answer = await doctor(['--json', application({ ...route, '.next/server/chunks/1.js': 'import("ai");' }, manifest)]);
    expect(rowsOf(answer)).toEqual(ARMED);
    expect(answer.code).toBe(0);
  });

  it.each([
    ['its own folder', '.next/server', []],
    ['the folder that it is told', 'out/server', ['--bundle']],
  ])('finds a framework in what was built, in %s', async (_where, place, option) => {
    const folder = application({ ...route, [`${place}/chunks/1.js`]: bundled, [`${place}/chunks/2.js`]: bundled }, manifest);
    const answer = await doctor(['--json', ...option.flatMap((name) => [name, join(folder, place)]), folder]);
    const ai = rowsOf(answer).filter(([framework]) => framework === 'ai');
    expect(ai).toEqual([['ai', 'no', 'not tried', expect.stringMatching(/^it is bundled.*Next: serverExternalPackages/)]]);
    expect(answer.code).toBe(1);
  });

  it.each(['claude-agent-sdk', 'claude-agent-sdk-0.2'])('finds the Claude Agent SDK in what was built (%s)', async (installed) => {
    const folder = application({ ...route, '.next/server/1.js': '' }, manifest);
    const sdk = join(FRAMEWORKS, installed, 'node_modules/@anthropic-ai/claude-agent-sdk/sdk.mjs');
    cpSync(sdk, join(folder, '.next/server/2.mjs'));
    const rows = rowsOf(await doctor(['--json', folder]));
    expect(rows).toContainEqual(['@anthropic-ai/claude-agent-sdk', 'no', 'not tried', expect.stringMatching(/^it is bundled/)]);
  });

  it.each([['nowhere'], ['package.json']])('answers 64 for --bundle %s', async (name) => {
    const folder = application(route, manifest);
    const { code, stdout } = await doctor(['--bundle', join(folder, name), folder]);
    expect([code, stdout]).toEqual([64, expect.stringMatching(/there is no such file|this is no folder/)]);
  });
});
