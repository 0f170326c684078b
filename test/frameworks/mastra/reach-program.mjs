import { sentTo } from '../../../packages/instrumentation/test/fixtures/ai-reach.mjs';
import { stage } from '../../../packages/instrumentation/test/fixtures/reach.mjs';
import { kit } from './program.mjs';

/** One run for everything that an adapter can see of Mastra. */
export async function reach(modules) {
  const { agentOf, call, model, text, tool, add } = kit(modules);
  const { asked, body, controller, each, print } = stage();
  const stopped = tool('stopped', (_input, { abortSignal }) => body('stopped')(abortSignal));
  const all = [tool('add', body('add'), { inputSchema: add.inputSchema }), ...each(tool), stopped];
  const tools = Object.fromEntries(all.map((one) => [one.id, one]));
  const one = model([[text('Because.'), ...asked(call)], [text('over')]]);
  const said = (await agentOf([], { model: one, tools }).generate('Add.')).text;
  const stream = await agentOf([[call('streamed', { a: 1, b: 2 })], [text('streamed')]], { tools }).stream('Add.');
  print({ ...sentTo(one), said, streamed: await stream.text });
  const aborted = agentOf([[call('stopped', {}, 'stopped')], [text('never')]], { tools });
  await aborted.generate('Stop.', { abortSignal: controller.signal }).catch(() => undefined);
}
