import { configure } from '../../../packages/instrumentation/dist/global.js';
import { trace } from '../../../packages/instrumentation/test/fixtures/tracing.mjs';

/**
 * One run for everything that an adapter can see of LangChain; what the application sees is printed.
 *
 * @param kit what the programs make their agents of
 * @param talk runs an agent, in whichever way the version has: `(steps, tools, config)` to the last message
 */
export async function reach({ tools, z, call, says, Streaming }, talk) {
  const controller = new AbortController();
  const here = [];
  const meeting = new Promise((resolve) => here.push(resolve));
  const tool = (name, execute, schema = z.object({})) => tools.tool(execute, { name, description: name, schema });
  const all = [
    tool('add', async ({ a, b }) => String(a + b), z.object({ a: z.number(), b: z.number() })),
    // Each waits for the other.
    tool('meet', async () => {
      if (here.push(0) === 3) here[0]();
      await meeting;
      return 'met';
    }),
    tool('slow', () => Promise.reject(new DOMException('slow', 'TimeoutError'))),
    tool('broken', () => Promise.reject(new RangeError('no'))),
    tool('nested', async () => trace.getTracer('app').startActiveSpan('inside', (span) => String(span.end()))),
    tool('blocked', () => console.log('the blocked tool ran')),
    tool('stopped', (_input, { signal }) => {
      controller.abort();
      signal.throwIfAborted();
    }),
  ];
  configure({ guard: { decide: (action) => ({ decision: action.tool.name === 'blocked' ? 'deny' : 'allow', rule: 'blocked' }) } });
  const others = ['slow', 'broken', 'nested', 'blocked'].map((name) => call(name, {}, name));
  const asked = says('Because.', call('c1', { a: 1, b: 2 }), call('m1', {}, 'meet'), call('m2', {}, 'meet'), ...others);
  console.log(await talk([asked, says('over')], all));
  const model = new Streaming([says('Because.', call('s1', { a: 1, b: 2 }))]);
  let whole;
  for await (const chunk of await model.bindTools(all).stream('Add.')) whole = whole ? whole.concat(chunk) : chunk;
  console.log((await all[0].invoke(whole.tool_calls[0])).content, 'streamed');
  await talk([says('', call('stopped', {}, 'stopped'))], all, { signal: controller.signal }).catch(() => undefined);
}

/** The loop that applications write themselves. */
export function byHand({ messages, Scripted }) {
  return async (steps, tools, config) => {
    const model = new Scripted(steps).bindTools(tools);
    const conversation = [new messages.SystemMessage('You add.'), new messages.HumanMessage('Add.')];
    for (;;) {
      const answer = await model.invoke(conversation, config);
      if (!answer.tool_calls?.length) return answer.content;
      const named = (name) => tools.find((one) => one.name === name);
      const run = (one) =>
        named(one.name)
          .invoke(one, config)
          .catch((error) => new messages.ToolMessage(String(error), one.id, one.name));
      conversation.push(answer, ...(await Promise.all(answer.tool_calls.map(run))));
    }
  };
}

export function byAgent({ langchain, Scripted }) {
  return async (steps, tools, config) => {
    const agent = langchain.createAgent({ model: new Scripted(steps), tools, systemPrompt: 'You add.' });
    return (await agent.invoke({ messages: [{ role: 'user', content: 'Add.' }] }, config)).messages.at(-1).content;
  };
}
