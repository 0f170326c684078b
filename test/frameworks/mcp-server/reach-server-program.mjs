import { setTimeout as sleep } from 'node:timers/promises';
import { stage } from '../../../packages/instrumentation/test/fixtures/reach.mjs';

const text = (words) => ({ content: [{ type: 'text', text: String(words) }] });

/**
 * A server whose tools show one thing each.
 *
 * @param shapeOf what the version takes for a schema
 * @param requestOf `signal`, `id` and `_meta` of a request, from the second argument of a handler
 */
export async function serve(server, transport, { z, shapeOf, requestOf }) {
  // Its own guard refuses what the client's let through.
  const { body, ran } = stage(({ by }) => by === 'server');
  const waits = (signal) => {
    process.stderr.write('waiting\n');
    return sleep(60_000, undefined, { signal });
  };
  const numbers = { a: z.number(), b: z.number() };
  const tools = {
    call: [numbers, (input, { id }) => `${body('add')(input)} ${typeof id} ${id}`],
    first: [{}, body('meet')],
    second: [{}, body('meet')],
    slow: [{}, (_input, { signal }) => body('slow', waits)(signal)],
    broken: [{}, body('broken')],
    nested: [{}, async (_input, { _meta }) => `${await body('nested')()} ${_meta?.traceparent}`],
    blocked: [{ by: z.string() }, body('blocked')],
    stopped: [{}, (_input, { signal }) => body('stopped', waits)(signal)],
    streamed: [{}, () => 'streamed'],
    delegated: [{}, () => 'done'],
    ran: [{}, () => JSON.stringify(ran)],
  };
  for (const [name, [shape, run]] of Object.entries(tools)) {
    const handler = async (input, extra) => text(await run(input, requestOf(extra)));
    server.registerTool(name, { description: name, inputSchema: shapeOf(shape) }, handler);
  }
  const pieces = async function* () {
    yield text('strea');
    yield text('med');
  };
  server.registerTool('pieces', { description: 'pieces', inputSchema: shapeOf({}) }, pieces);
  await server.connect(transport);
}
