import { expect, it } from 'vitest';
import { sameWithAndWithout } from './support/peers.js';
import { NODE, NODE_22 } from './support/process.js';

it.each([
  ['openai 6', 'openai/peers-app.mjs', NODE],
  ['openai 7', 'openai7/peers-app.mjs', NODE_22],
])('the examples of %s do the same with the instrumentation as without', async (_name, file, program) => {
  const tools = await sameWithAndWithout(file, { program });
  expect(tools).toEqual(['search', 'list', 'get', 'search', 'list', 'get']);
});
