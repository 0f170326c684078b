import { configure } from '../../../packages/instrumentation/dist/global.js';
import { trace } from '../../../packages/instrumentation/test/fixtures/tracing.mjs';
import { kit } from './program.mjs';

/** One run for everything that an adapter can see of Mastra; what the application sees is printed. */
export async function reach(modules) {
  const { add, agentOf, call, text, tool } = kit(modules);
  const controller = new AbortController();
  const here = [];
  const meeting = new Promise((resolve) => here.push(resolve));
  const tools = {
    add,
    // Each waits for the other.
    meet: tool('meet', async () => {
      if (here.push(0) === 3) here[0]();
      await meeting;
      return 'met';
    }),
    slow: tool('slow', () => Promise.reject(new DOMException('slow', 'TimeoutError'))),
    broken: tool('broken', () => Promise.reject(new RangeError('no'))),
    nested: tool('nested', async () => trace.getTracer('app').startActiveSpan('inside', (span) => span.end() ?? 'seen')),
    blocked: tool('blocked', async () => console.log('the blocked tool ran')),
    stopped: tool('stopped', async (_input, { abortSignal }) => {
      controller.abort();
      abortSignal?.throwIfAborted();
    }),
  };
  configure({ guard: { decide: (action) => ({ decision: action.tool.name === 'blocked' ? 'deny' : 'allow', rule: 'blocked' }) } });
  const others = ['slow', 'broken', 'nested', 'blocked'].map((name) => call(name, {}, name));
  const asked = [text('Because.'), call('c1', { a: 1, b: 2 }), call('m1', {}, 'meet'), call('m2', {}, 'meet'), ...others];
  console.log((await agentOf([asked, [text('over')]], { tools }).generate('Add.')).text);
  const stream = await agentOf([[call('s1', { a: 1, b: 2 })], [text('streamed')]], { tools }).stream('Add.');
  console.log(await stream.text);
  const stopped = agentOf([[call('stopped', {}, 'stopped')], [text('never')]], { tools });
  await stopped.generate('Stop.', { abortSignal: controller.signal }).catch(() => undefined);
}
