import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findings } from '../support/recording.js';
import { linksIn } from './support/links.js';
import { FRAMEWORKS, launch, PACKAGE, REGISTER, runToEnd, temporaryFolder } from './support/process.js';
import { startSink } from './support/sink.js';

const SDK = '@anthropic-ai/sdk';
const strict = { CUSTODY_STRICT: '1' };
/** Runs after the application's imports, and says what is known of the package. */
const STATUS = `
import { status } from ${JSON.stringify(join(PACKAGE, 'dist/index.js'))};
process.on('exit', () => console.log(JSON.stringify(status().adapters.filter(({ framework }) => framework === '${SDK}'))));
`;

function preload(): string[] {
  const file = join(temporaryFolder(), 'status.mjs');
  writeFileSync(file, STATUS);
  return ['--import', REGISTER, '--import', file];
}

const statusIn = (stdout: string) => JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { readonly state: string }[];

describe('a version that has no tool runner', () => {
  const app = (extension: string) => join(FRAMEWORKS, 'anthropic-0.62', `app.${extension}`);

  it.each(['mjs', 'cjs'])('has nothing to arm (.%s): strict lets the application run, and status() says so', async (extension) => {
    const [seen, plain] = await Promise.all([
      runToEnd(app(extension), { env: strict, node: preload() }),
      runToEnd(app(extension), { node: [] }),
    ]);
    expect(JSON.parse(plain.stdout).runner).toBe(false);
    expect(seen.stdout.startsWith(plain.stdout)).toBe(true);
    expect(seen.stderr).not.toContain('UNARMED');
    const file = `resources/beta/messages/messages.${extension === 'mjs' ? 'mjs' : 'js'}`;
    expect(statusIn(seen.stdout)).toEqual([{ framework: SDK, state: 'toolless', version: '0.62.0', detail: file }]);
  });

  it('has nothing to arm either when it was loaded before', async () => {
    const { stderr } = await runToEnd(app('cjs'), { env: strict, node: ['--require', app('cjs'), '--import', REGISTER] });
    expect(stderr).not.toContain('UNARMED');
  });

  it('is no complaint of the doctor’s', async () => {
    const bin = join(PACKAGE, 'bin/agent-custody-instrumentation.js');
    const { stdout } = await runToEnd(bin, { node: [], args: ['doctor', '--json', app('mjs')] });
    expect(JSON.parse(stdout)).toEqual([
      expect.objectContaining({ framework: SDK, armed: 'has no tools', recorded: 'not tried', remedy: '' }),
    ]);
  });
});

describe('a version 0 with a tool runner', () => {
  it.each(['anthropic-0', 'anthropic-0.131', 'anthropic-0.82'])('is armed, as the doctor sees by running a tool: %s', async (folder) => {
    const bin = join(PACKAGE, 'bin/agent-custody-instrumentation.js');
    const { stdout } = await runToEnd(bin, { node: [], args: ['doctor', '--json', join(FRAMEWORKS, folder, 'app.mjs')] });
    expect(JSON.parse(stdout)).toEqual([expect.objectContaining({ framework: SDK, armed: 'yes', recorded: 'yes', remedy: '' })]);
  });

  it('is patched also when it was loaded before, since its classes can be', async () => {
    const folder = join(FRAMEWORKS, 'anthropic-0.82');
    const before = join(folder, 'node_modules', SDK, 'index.js');
    const sink = await startSink();
    await runToEnd(join(folder, 'app.cjs'), { endpoint: sink.url, env: strict, node: ['--require', before, '--import', REGISTER] });
    expect(linksIn(sink).call('p1')).toEqual(['add', '{"a":1,"b":2}', 'ok']);
    await sink.close();
  });

  it('that the Claude Agent SDK 0.2 brings lets an application of both start and run with strict', async () => {
    const path = join(FRAMEWORKS, 'claude-agent-sdk-0.2/beside-anthropic.mjs');
    const sink = await startSink();
    const [seen, plain] = await Promise.all([runToEnd(path, { endpoint: sink.url, env: strict }), runToEnd(path, { node: [] })]);
    expect(seen.stdout).toBe(plain.stdout);
    expect(findings(sink.links())).toEqual([]);
    expect([linksIn(sink).call('b1'), linksIn(sink).call('w1')[0]]).toEqual([['add', '{"a":1}', 'ok'], 'Bash']);
    await sink.close();
  });
});

describe('a version that is not known', () => {
  /** An application on a package that says it is this version of the SDK. */
  function application(version: string): string {
    const folder = temporaryFolder();
    const file = (name: string, text: string): string => {
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
      return path;
    };
    const inside = `node_modules/${SDK}`;
    file(`${inside}/package.json`, JSON.stringify({ name: SDK, version, type: 'module', exports: { '.': './index.mjs', './*': './*' } }));
    file(`${inside}/index.mjs`, "export { Messages } from './resources/beta/messages/messages.mjs';");
    file(`${inside}/resources/beta/messages/messages.mjs`, 'export class Messages { create() {} }');
    return file('app.mjs', `import { Messages } from '${SDK}';\nconsole.log(typeof Messages);`);
  }

  it('stops a strict application, and says which versions are known', async () => {
    const { code, stdout, stderr } = await launch(application('2.0.0'), { env: strict }).ended;
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(`refusing to run (strict): ${SDK} 2.0.0 (known are >=0.63 <2, <0.63)`);
  });

  it('is said to be unarmed without strict', async () => {
    const { stdout, stderr } = await runToEnd(application('2.0.0'));
    expect(stdout).toBe('function\n');
    expect(stderr).toContain(`UNARMED: ${SDK} 2.0.0`);
  });
});
