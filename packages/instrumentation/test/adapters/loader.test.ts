import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FIXTURES, launch, REGISTER, runToEnd, temporaryFolder } from './support/process.js';

const APP = join(FIXTURES, 'app.mjs');

/** A process in which Node takes no hooks, as where files of theirs are missing. */
function withoutHooks(): string[] {
  const file = join(temporaryFolder(), 'without-hooks.mjs');
  writeFileSync(
    file,
    [
      "import nodeModule, { syncBuiltinESMExports } from 'node:module';",
      "nodeModule.register = nodeModule.registerHooks = () => { throw new Error('none here\\nand more'); };",
      'syncBuiltinESMExports();',
    ].join('\n'),
  );
  return ['--import', file, '--import', REGISTER];
}

it('says that the hooks could not be registered, and of each framework that they do not reach', async () => {
  const { stdout, stderr } = await runToEnd(APP, { node: withoutHooks() });
  expect(stdout).toBe('result: over\n');
  expect(stderr).toContain(
    'UNARMED for ES modules: the loader hooks could not be registered (none here); leave @agent-custody/instrumentation out of the bundle',
  );
  expect(stderr).toMatch(/UNARMED: ai 6\.\S+ \(dist\/index\.mjs\): the loader hooks could not be registered; leave @agent-custody/);
  expect(stderr).not.toContain('it is bundled');
  expect(stderr).not.toContain('another loader');
});

it('ends such a process with strict, before its first tool call', async () => {
  const { code, stdout, stderr } = await launch(APP, { node: withoutHooks(), env: { CUSTODY_STRICT: '1' } }).ended;
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toContain('refusing to run (strict): ES modules: the loader hooks could not be registered');
});
