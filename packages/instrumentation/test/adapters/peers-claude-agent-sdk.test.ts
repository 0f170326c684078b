import { expect, it } from 'vitest';
import { sameWithAndWithout } from './support/peers.js';

it.each(['claude-agent-sdk', 'claude-agent-sdk-0.2'])(
  'the examples of %s do the same with the instrumentation as without',
  async (folder) => {
    const tools = await sameWithAndWithout(`${folder}/peers-app.mjs`);
    expect(tools).toEqual(['Bash', 'Write', 'Write', 'mcp__utilities__add', 'mcp__utilities__weather', 'Bash', 'Bash']);
  },
  120_000,
);
