import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { AI5, type Ended, FIXTURES, launch, temporaryFolder } from './support/process.js';

const BIN = fileURLToPath(new URL('../../bin/agent-custody-instrumentation.js', import.meta.url));

interface Row {
  readonly framework: string;
  readonly version: string;
  readonly file: string;
  readonly armed: string;
  readonly recorded: string;
  readonly remedy: string;
}
const run = (...args: string[]): Promise<Ended> => launch(BIN, { node: [], args }).ended;
const examine = async (...args: string[]): Promise<{ code: number | null; rows: Row[] }> => {
  const { code, stdout, stderr } = await run('doctor', '--json', ...args);
  if (!stdout.startsWith('[')) throw new Error(`${stdout}\n${stderr}`);
  return { code, rows: JSON.parse(stdout) as Row[] };
};

/** An application on a framework of its own, which says so if it is run. */
function appOn(
  dependency: { readonly name: string; readonly version: string } | { readonly link: string; readonly name: string },
  type: string,
): string {
  const folder = temporaryFolder();
  const own = join(folder, 'node_modules', dependency.name);
  mkdirSync(join(own, '..'), { recursive: true });
  if ('link' in dependency) symlinkSync(dependency.link, own);
  else {
    mkdirSync(own);
    writeFileSync(join(own, 'package.json'), JSON.stringify({ ...dependency, main: 'dist/index.js' }));
    mkdirSync(join(own, 'dist'));
    writeFileSync(join(own, 'dist/index.js'), 'exports.generateText = exports.streamText = () => undefined;');
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type, dependencies: { [dependency.name]: '*' } }));
  const app = join(folder, 'app.js');
  writeFileSync(
    app,
    type === 'module'
      ? 'import { writeFileSync } from "node:fs"; writeFileSync("ran", "");'
      : 'require("node:fs").writeFileSync("ran", "");',
  );
  return app;
}

describe('the doctor', () => {
  it.each([
    ['ES modules', join(FIXTURES, 'app.mjs'), 'dist/index.mjs', /^6\./],
    ['CommonJS', join(FIXTURES, 'ai.cjs'), 'dist/index.js', /^6\./],
    ['ES modules, ai 5', join(AI5, 'ai.mjs'), 'dist/index.mjs', /^5\./],
    ['CommonJS, ai 5', join(AI5, 'ai.cjs'), 'dist/index.js', /^5\./],
  ])('finds what an application reaches, has it run a tool, and sees it recorded (%s)', async (_how, app, file, version) => {
    const { code, rows } = await examine(app);
    expect(rows).toContainEqual({
      framework: 'ai',
      version: expect.stringMatching(version),
      file,
      armed: 'yes',
      recorded: 'yes',
      remedy: '',
    });
    expect(rows.map(({ framework }) => framework)).toContain('@ai-sdk/provider-utils');
    expect(code).toBe(0);
  });

  it('prints a table', async () => {
    const { code, stdout } = await run('doctor', join(AI5, 'ai.mjs'));
    const [head, ...lines] = stdout.trimEnd().split('\n');
    expect(head?.split(/\s{2,}/)).toEqual(['framework', 'version', 'file', 'armed', 'recorded', 'what to do']);
    expect(lines[0]?.split(/\s{2,}/).filter((cell) => cell !== '')).toEqual(['ai', expect.any(String), 'dist/index.mjs', 'yes', 'yes']);
    expect(code).toBe(0);
  });

  it('says of a version that is not known what to do, with status 1', async () => {
    const { code, rows } = await examine(appOn({ name: 'ai', version: '99.0.0' }, 'commonjs'));
    expect(rows).toEqual([
      expect.objectContaining({ framework: 'ai', version: '99.0.0', armed: 'no', remedy: expect.stringContaining('probe') }),
    ]);
    expect(code).toBe(1);
  });

  it.each(['module', 'commonjs'])('does not run the application (%s)', async (type) => {
    const app = appOn({ name: 'ai', link: join(AI5, 'node_modules/ai') }, type);
    const { code } = await examine(app);
    expect(code).toBe(0);
    expect(existsSync(join(app, '../ran'))).toBe(false);
  });

  it('finds what the application’s own set-up leaves unarmed', async () => {
    const setUp = join(temporaryFolder(), 'telemetry.mjs');
    writeFileSync(setUp, '// It sets up no instrumentation.\n');
    const { code, rows } = await examine('--import', setUp, join(AI5, 'ai.mjs'));
    expect(rows.filter(({ armed }) => armed === 'yes')).toEqual([]);
    expect(code).toBe(1);
  });

  it('says that there is nothing to find', async () => {
    const app = join(temporaryFolder(), 'plain.mjs');
    writeFileSync(app, 'export {};\n');
    const { code, stdout } = await run('doctor', app);
    expect([code, stdout]).toEqual([0, `no agent framework that is known here is reached from ${app}\n`]);
  });

  it.each([
    [[]],
    [['doctor']],
    [['cure', 'app.js']],
    [['doctor', 'a.js', 'b.js']],
    [['doctor', '--nonsense', 'a.js']],
    [['doctor', 'none.js']],
  ])('answers %j with 64', async (args) => {
    const { code, stdout } = await run(...args);
    expect(code).toBe(64);
    expect(stdout).toMatch(/usage: agent-custody-instrumentation doctor|there is no such file/);
  });

  it('explains itself', async () => {
    const { code, stdout } = await run('--help');
    expect([code, stdout]).toEqual([0, expect.stringContaining('exit status: 0')]);
  });
});
