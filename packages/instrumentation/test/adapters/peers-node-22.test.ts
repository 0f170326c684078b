import { expect, it } from 'vitest';
import { sameWithAndWithout } from './support/peers.js';
import { NODE_22 as program } from './support/process.js';

it('the examples of ai 7 do the same with the instrumentation as without', async () => {
  const tools = await sameWithAndWithout('ai7/peers.mjs', { program });
  const first = ['weather', 'toCelsius', 'weather', 'slow', 'research', 'weather', 'weather', 'toCelsius'];
  expect(tools).toEqual([...first, 'bad', 'weather', 'weather', 'weather']);
});

it('the examples of Mastra do the same with the instrumentation as without', async () => {
  const tools = await sameWithAndWithout('mastra/peers.mjs', { program });
  const first = [...Array(5).fill('weatherTool'), 'agent-research', 'weatherTool', 'agent-writing', 'weatherTool', 'remove', 'remove'];
  expect(tools).toEqual([...first, 'weatherTool', 'weatherTool', 'weatherTool', 'weather_get']);
});

it('the examples of ADK do the same with the instrumentation as without', async () => {
  const tools = await sameWithAndWithout('adk/peers.mjs', { program });
  const first = ['get_current_time', 'get_current_time', 'remember', 'remember', 'exit_loop', 'search', 'search', 'transfer_to_agent'];
  expect(tools).toEqual([...first, 'say_hello', 'summarizer', 'get_weather', 'flaky', 'ask_for_approval']);
});
