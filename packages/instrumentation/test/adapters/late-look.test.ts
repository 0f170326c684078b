import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FIXTURES, launch, REGISTER, runToEnd, temporaryFolder } from './support/process.js';

const APP = join(FIXTURES, 'late-look.mjs');
const node = ['--import', join(FIXTURES, 'late-clock.mjs'), '--import', REGISTER];

/** The hooks go by the file's URL, which has a query here. */
const withQuery = (): string =>
  `${pathToFileURL(
    createRequire(import.meta.url)
      .resolve('ai')
      .replace(/index\.js$/, 'index.mjs'),
  )}?another-copy`;

/** Text that bundles of the framework have. */
function bundle(): string {
  const file = join(temporaryFolder(), 'chunk.mjs');
  writeFileSync(file, 'export const names = ["ai.generateText", "AI_InvalidToolInputError"];\n');
  return pathToFileURL(file).href;
}

describe.each([
  ['loaded under a URL that no hook knows', withQuery, 'loaded_before'],
  ['in a chunk of a bundle that is loaded late', bundle, 'bundled'],
] as const)('a framework that is %s, by an application that opens no session', (_how, url, why) => {
  it('is found five seconds after the start', async () => {
    const { stdout, stderr } = await runToEnd(APP, { node, args: [url()] });
    const [before, after] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(before).toEqual([]);
    expect(after).toContainEqual(expect.objectContaining({ framework: 'ai', state: 'unarmed', why }));
    expect(stderr).toContain('UNARMED: ai ');
  });

  it('ends the process then with strict', async () => {
    const { code, stdout, stderr } = await launch(APP, { node, args: [url()], env: { CUSTODY_STRICT: '1' } }).ended;
    expect([code, stdout]).toEqual([1, '[]\n']);
    expect(stderr).toContain('refusing to run (strict): ai ');
  });
});
