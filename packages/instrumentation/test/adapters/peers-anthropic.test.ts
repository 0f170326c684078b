import { expect, it } from 'vitest';
import { sameWithAndWithout } from './support/peers.js';

it('the examples of @anthropic-ai/sdk do the same with the instrumentation as without', async () => {
  const tools = await sameWithAndWithout('anthropic/peers.mjs');
  expect(tools.filter((name) => name === 'getWeather')).toHaveLength(2);
  expect(tools.filter((name) => name === 'getCapital')).toHaveLength(6);
});
