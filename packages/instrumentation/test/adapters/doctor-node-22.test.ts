import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { FRAMEWORKS, NODE_22, runToEnd } from './support/process.js';

const DOCTOR = fileURLToPath(new URL('../../bin/agent-custody-instrumentation.js', import.meta.url));

it.each([
  ['ai7/ai.mjs', 'ai', 'dist/index.js'],
  ['ai7/ai.cjs', 'ai', 'dist/index.js'],
  ['mastra/app.mjs', '@mastra/core', 'dist/agent/index.js'],
  ['mastra/app.cjs', '@mastra/core', 'dist/agent/index.cjs'],
  ['adk/app.mjs', '@google/adk', 'dist/esm/plugins/plugin_manager.js'],
  ['adk/app.cjs', '@google/adk', 'dist/cjs/plugins/plugin_manager.js'],
])('the doctor has a framework that needs Node 22 run a tool, and sees it recorded (%s)', async (app, framework, file) => {
  const args = ['doctor', '--json', join(FRAMEWORKS, app)];
  const { stdout } = await runToEnd(DOCTOR, { node: [], args, program: NODE_22 });
  const rows = JSON.parse(stdout) as { readonly framework: string }[];
  expect(rows.find((row) => row.framework === framework)).toMatchObject({
    armed: 'yes',
    recorded: 'yes',
    file: expect.stringContaining(file),
  });
});
