import { configure } from '../../../packages/instrumentation/dist/global.js';
import { trace } from '../../../packages/instrumentation/test/fixtures/tracing.mjs';
import { call, kit, text } from './program.mjs';

/** One run for everything that an adapter can see of ADK; what the application sees is printed. */
export async function reach(adk, z) {
  adk.setLogLevel?.(adk.LogLevel?.ERROR);
  const { add, agentOf, converse, tool } = kit(adk, z);
  const controller = new AbortController();
  let inside = 0;
  const tools = [
    add,
    // Meets itself, or not: the framework runs the calls of one response one after the other.
    tool('meet', async () => {
      inside++;
      await new Promise((resolve) => setImmediate(resolve));
      if (inside < 2) throw new Error('nobody else is here');
    }),
    tool('slow', () => Promise.reject(new DOMException('slow', 'TimeoutError'))),
    tool('broken', () => Promise.reject(new RangeError('no'))),
    tool('nested', () => trace.getTracer('app').startActiveSpan('inside', (span) => span.end())),
    tool('blocked', () => console.log('the blocked tool ran')),
    tool('stopped', (_input, { abortSignal }) => {
      controller.abort();
      abortSignal?.throwIfAborted();
    }),
  ];
  configure({ guard: { decide: (action) => ({ decision: action.tool.name === 'blocked' ? 'deny' : 'allow', rule: 'blocked' }) } });
  const others = ['slow', 'broken', 'nested', 'blocked'].map((name) => call(name, {}, name));
  const asked = [text('Because.'), call('c1', { a: 1, b: 2 }), call('m1', {}, 'meet'), call('m2', {}, 'meet'), ...others];
  console.log((await converse(agentOf([asked, [text('over')]], { tools }))).at(-1)[1]);
  const streamed = agentOf([[call('s1', { a: 1, b: 2 })], [text('streamed')]], { tools });
  console.log((await converse(streamed, { runConfig: { streamingMode: adk.StreamingMode.SSE } })).at(-1)[1]);
  await converse(agentOf([[call('stopped', {}, 'stopped')], [text('never')]], { tools }), { abortSignal: controller.signal });
}
