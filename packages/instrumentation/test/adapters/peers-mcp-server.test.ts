import { expect, it } from 'vitest';
import { sameWithAndWithout } from './support/peers.js';

it('published MCP servers and the examples of the SDKs do the same with the instrumentation as without', async () => {
  const tools = await sameWithAndWithout('mcp-server/peers.mjs');
  // Once by the client and once by the server, each in a chain of its own.
  expect(tools.filter((name) => name === 'get-structured-content')).toHaveLength(2);
  expect(tools.filter((name) => name === 'edit_file')).toHaveLength(2);
  expect(tools).toEqual(expect.arrayContaining(['echo', 'calculate-bmi', 'broken']));
});
