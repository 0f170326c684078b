import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * Runs on other versions of Node what differs between them: how modules are loaded and hooked, each adapter with its real framework,
 * and what a crash leaves behind. `node test/node.js 22 24`; the frameworks have to be installed (test/frameworks/install.js).
 */
const instrumentation = (names) => names.map((name) => `packages/instrumentation/test/${name}.test.ts`);
const adapters = (names) => instrumentation(names.map((name) => `adapters/${name}`));
const collector = (names) => names.map((name) => `packages/collector/test/${name}.test.ts`);

const FILES = [
  ...adapters(['register', 'arming', 'instrumentation', 'endings', 'loading-ai', 'loading-mcp', 'mcp-server', 'reach', 'reach-mcp']),
  ...adapters(['loader', 'late-look', 'anthropic-0', ...['ai', 'langchain', 'mastra', 'adk', 'claude'].map((name) => `approvals-${name}`)]),
  ...adapters(['ai7', 'adk', 'mastra', 'anthropic', 'claude-agent-sdk', 'openai', 'openai-agents', 'langchain-core', 'langchain-agents']),
  ...instrumentation(['evidence-processes', 'evidence-adoption', 'exit', 'session-process']),
  ...collector(['crash', 'ledger']),
];

const here = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('..', import.meta.url));

function run(version) {
  const node = `${here}frameworks/node/node_modules/node-${version}/bin/node`;
  if (!existsSync(node))
    throw new Error(`there is no Node ${version} under test/frameworks/node: run node test/frameworks/install.js node`);
  const missing = FILES.filter((file) => !existsSync(root + file));
  if (missing.length > 0) throw new Error(`test/node.js names files that are not there: ${missing.join(', ')}`);
  const args = [`${root}node_modules/vitest/vitest.mjs`, 'run', '--config', 'test/vitest.config.ts', '--maxWorkers=2', ...FILES];
  return new Promise((resolve, reject) => {
    const tests = spawn(node, args, { cwd: root, stdio: 'inherit' });
    tests.on('error', reject);
    tests.on('exit', (code) => resolve(code ?? 1));
  });
}

for (const version of process.argv.slice(2)) {
  console.log(`on Node ${version}:`);
  const code = await run(version);
  if (code !== 0) process.exit(code);
}
