import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FRAMEWORKS, launch, PACKAGE } from './support/process.js';

const DOCTOR = join(PACKAGE, 'bin/agent-custody-instrumentation.js');

it.each([
  ['openai/app.mjs', ['openai']],
  ['anthropic/app.mjs', ['@anthropic-ai/sdk']],
  ['mcp-server/server1.mjs', ['@modelcontextprotocol/sdk', '@modelcontextprotocol/client', '@modelcontextprotocol/server']],
  ['claude-agent-sdk/app.mjs', ['@anthropic-ai/claude-agent-sdk']],
  ['claude-agent-sdk-0.2/app.mjs', ['@anthropic-ai/claude-agent-sdk']],
])('the doctor has each framework of %s run a tool, and finds it recorded', async (app, frameworks) => {
  const { stdout } = await launch(DOCTOR, { node: [], args: ['doctor', '--json', join(FRAMEWORKS, app)] }).ended;
  const rows = JSON.parse(stdout) as { framework: string; armed: string; recorded: string }[];
  for (const framework of frameworks) {
    expect(rows.find((row) => row.framework === framework)).toMatchObject({ armed: 'yes', recorded: 'yes' });
  }
});
