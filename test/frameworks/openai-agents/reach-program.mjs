import { configure } from '../../../packages/instrumentation/dist/global.js';
import { trace } from '../../../packages/instrumentation/test/fixtures/tracing.mjs';
import { kit } from './agents-program.mjs';

/** One run for everything that an adapter can see of the OpenAI Agents SDK; what the application sees is printed. */
export async function reach(agents, zod) {
  agents.setTracingDisabled(true);
  const { agent, add, call, text } = kit(agents, zod);
  const controller = new AbortController();
  const here = [];
  const meeting = new Promise((resolve) => here.push(resolve));
  const parameters = { type: 'object', properties: {}, required: [], additionalProperties: false };
  const tool = (name, execute, more) => agents.tool({ name, description: name, parameters, execute, ...more });
  const tools = [
    add,
    // Each waits for the other.
    tool('meet', async () => {
      if (here.push(0) === 3) here[0]();
      await meeting;
    }),
    tool('slow', () => new Promise((resolve) => setTimeout(resolve, 1000).unref()), { timeoutMs: 5 }),
    tool('broken', () => Promise.reject(new RangeError('no'))),
    tool('nested', () => trace.getTracer('app').startActiveSpan('inside', (span) => span.end())),
    tool('blocked', () => console.log('the blocked tool ran')),
    tool('stopped', (_input, _context, details) => {
      controller.abort();
      details?.signal?.throwIfAborted();
    }),
  ];
  configure({ guard: { decide: (action) => ({ decision: action.tool.name === 'blocked' ? 'deny' : 'allow', rule: 'blocked' }) } });
  const others = ['slow', 'broken', 'nested', 'blocked'].map((name) => call(name, {}, name));
  const asked = [text('Because.'), call('c1', { a: 1, b: 2 }), call('m1', {}, 'meet'), call('m2', {}, 'meet'), ...others];
  console.log((await agents.run(agent({ tools }, asked, [text('over')]), 'Add.')).finalOutput);
  const stream = await agents.run(agent({ tools }, [call('s1', { a: 1, b: 2 })], [text('streamed')]), 'Add.', { stream: true });
  await stream.completed;
  console.log(stream.finalOutput);
  const stopped = agent({ tools }, [call('stopped', {}, 'stopped')], [text('never')]);
  await agents.run(stopped, 'Stop.', { signal: controller.signal }).catch(() => undefined);
}
