import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, test } from 'vitest';
import { inRange } from '../../src/adapters/versions.js';
import { AI5, FIXTURES, launch, REGISTER, runToEnd, temporaryFolder } from './support/process.js';

const APP = join(FIXTURES, 'app.mjs');
const strict = { CUSTODY_STRICT: '1' };

interface Row {
  readonly framework: string;
  readonly state: string;
  readonly why?: string;
  readonly version?: string;
  readonly detail?: string;
}
const rowsOf = (stdout: string): Row[] => JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Row[];

/** A file that loads `ai` before anything else does, from where the tests' own copy is. */
function earlyLoader(extension: 'mjs' | 'cjs'): string {
  const folder = temporaryFolder();
  const file = join(folder, `early.${extension}`);
  const path = createRequire(import.meta.url).resolve('ai');
  const module = path.replace(/index\.js$/, 'index.mjs');
  writeFileSync(file, extension === 'mjs' ? `import ${JSON.stringify(pathToFileURL(module).href)};` : `require(${JSON.stringify(path)});`);
  return file;
}

/** An application with a framework of the version `version`, whose tool it calls. */
function appWith(version: string, type: 'module' | 'commonjs'): string {
  const folder = temporaryFolder();
  const name = join(folder, 'node_modules', 'ai');
  mkdirSync(join(name, 'dist'), { recursive: true });
  const exports = { '.': { import: './dist/index.mjs', require: './dist/index.js' } };
  writeFileSync(join(name, 'package.json'), JSON.stringify({ name: 'ai', version, main: './dist/index.js', exports }));
  writeFileSync(join(name, 'dist/index.mjs'), 'export const generateText = () => "a tool ran"; export const streamText = generateText;');
  writeFileSync(join(name, 'dist/index.js'), 'exports.generateText = () => "a tool ran"; exports.streamText = exports.generateText;');
  const app = join(folder, type === 'module' ? 'app.mjs' : 'app.cjs');
  const load = type === 'module' ? 'import { generateText } from "ai";' : 'const { generateText } = require("ai");';
  writeFileSync(app, `${load}\nconsole.log(generateText());`);
  return app;
}

describe('a framework that was loaded before the instrumentation', () => {
  it.each([
    ['as ES module', 'mjs', '--import'],
    ['as CommonJS', 'cjs', '-r'],
  ] as const)('%s is said to be unarmed at the start, and with strict the process ends there', async (_how, extension, flag) => {
    const node = [flag, earlyLoader(extension), '--import', REGISTER];
    const lenient = await runToEnd(APP, { node });
    expect(lenient.stdout).toBe('result: over\n');
    expect(lenient.stderr).toMatch(/UNARMED: ai 6\.\S+ \(dist\/index\.m?js\): it was loaded before the instrumentation; load the instr/);
    const { code, stdout, stderr } = await launch(APP, { node, env: strict }).ended;
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('refusing to run (strict): ai 6.');
    expect(stderr).toContain('node --import @agent-custody/instrumentation/register');
  });

  it('is said by status() of ai 5, which nothing can reach then', async () => {
    const { stdout } = await runToEnd(join(AI5, 'late.mjs'), { node: [] });
    expect(rowsOf(stdout)).toContainEqual({
      framework: 'ai',
      state: 'unarmed',
      why: 'loaded_before',
      version: expect.stringMatching(/^5\./),
      detail: 'dist/index.mjs',
    });
  });

  it('ends an application that sets the instrumentation up itself, with strict, before its first tool call', async () => {
    const { code, stdout, stderr } = await launch(join(AI5, 'late.mjs'), { node: [], env: strict }).ended;
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/refusing to run \(strict\): (ai|@ai-sdk\/provider-utils) /);
  });
});

describe('a version that no adapter knows', () => {
  it.each(['module', 'commonjs'] as const)(
    'is said to be unarmed (%s), and with strict the process ends when it is loaded',
    async (type) => {
      const app = appWith('99.0.1', type);
      const lenient = await runToEnd(app);
      expect(lenient.stdout).toBe('a tool ran\n');
      expect(lenient.stderr).toContain('UNARMED: ai 99.0.1 (known are >=5 <7');
      const { code, stdout, stderr } = await launch(app, { env: strict }).ended;
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toContain('install a version that the README lists');
    },
  );

  it('is not looked for where its adapter is switched off', async () => {
    const { stdout } = await runToEnd(appWith('99.0.1', 'module'), { env: { ...strict, OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'ai' } });
    expect(stdout).toBe('a tool ran\n');
  });
});

it('runs an armed application with strict as without', async () => {
  const { stdout, stderr } = await runToEnd(APP, { env: strict });
  expect(stdout).toBe('result: over\n');
  expect(stderr).not.toContain('UNARMED');
});

test.each([
  ['6.0.326', '>=5 <7', true],
  ['7.0.0-beta.3', '>=5 <7', false],
  ['4.9.9', '>=5 <7', false],
  ['0.8.5', '^0.8.1', true],
  ['0.9.0', '^0.8.1', false],
  ['1.9.0', '^1.2', true],
  ['2.0.0', '^1.2', false],
  ['0.0.4', '^0.0.3', false],
  ['1.2.9', '~1.2.3', true],
  ['1.3.0', '~1.2.3', false],
  ['1.0.0', '1.0.0', true],
  ['3.1.4', '*', true],
  ['3.1.4', '>3.1.4', false],
  ['3.1.4', '<=3.1.4', true],
  ['workspace', '>=1', false],
  ['1.0.0', 'latest', false],
])('version %s in range %s: %s', (version, range, inside) => {
  expect(inRange(version, [range])).toBe(inside);
});
