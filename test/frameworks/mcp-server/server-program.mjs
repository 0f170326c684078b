import { setTimeout as sleep } from 'node:timers/promises';
import { audited, session } from '@agent-custody/instrumentation';
import { z } from 'zod';
import { trace } from '../../../packages/instrumentation/test/fixtures/tracing.mjs';

const look = audited('look', async (id) => `row ${id}`);
const text = (words) => ({ content: [{ type: 'text', text: words }] });

/** The tools of a server that has an agent behind one of them. */
export const tools = {
  echo: { schema: { message: z.string(), times: z.number().default(1) }, run: async ({ message, times }) => text(message.repeat(times)) },
  nothing: { run: async () => text('nothing') },
  fail: { schema: {}, run: async () => Promise.reject(new RangeError('out of range')) },
  wrong: { schema: {}, run: async () => ({ ...text('I could not'), isError: true }) },
  research: {
    schema: { id: z.number() },
    run: async ({ id }) =>
      trace.getTracer('server').startActiveSpan('inside the server', async (span) => {
        const direct = await look(id);
        const delegated = await session({ agent: { id: 'researcher' } }, () => look(id + 1));
        span.end();
        return text(`${direct}, ${delegated}`);
      }),
  },
  wait: {
    schema: {},
    run: async (_input, signal) => {
      process.stderr.write('waiting\n');
      await sleep(60_000, undefined, { signal });
      return text('too late');
    },
  },
};

/** The same tools on a high-level server of either version, which takes a raw shape (1) or a schema (2). */
export function registered(server, shapeOf, signalOf) {
  for (const [name, { schema, run }] of Object.entries(tools)) {
    const config = { description: `Tool ${name}`, ...(schema && { inputSchema: shapeOf(schema) }) };
    server.registerTool(name, config, schema ? (input, extra) => run(input, signalOf(extra)) : (extra) => run({}, signalOf(extra)));
  }
  return server;
}

/** The same tools, handled by hand on a low-level server. */
export async function handled(request, signal) {
  const tool = tools[request.params.name];
  if (tool === undefined) throw new Error(`no tool ${request.params.name}`);
  const input = tool.schema ? z.object(tool.schema).parse(request.params.arguments) : {};
  try {
    return await tool.run(input, signal);
  } catch (error) {
    return { content: [{ type: 'text', text: error.message }], isError: true };
  }
}
