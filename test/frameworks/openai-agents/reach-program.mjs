import { offered, stage } from '../../../packages/instrumentation/test/fixtures/reach.mjs';
import { kit } from './agents-program.mjs';

/** One run for everything that an adapter can see of the OpenAI Agents SDK. */
export async function reach(agents, zod) {
  agents.setTracingDisabled(true);
  const { agent, add, call, Scripted, text } = kit(agents, zod);
  const { asked, body, controller, each, print } = stage();
  const requests = [];
  class Kept extends Scripted {
    getResponse(request) {
      requests.push(request);
      return super.getResponse(request);
    }
  }
  const empty = { type: 'object', properties: {}, required: [], additionalProperties: false };
  const tool = (name, execute, parameters = empty) => agents.tool({ name, description: name, parameters, execute });
  // The framework's own limit.
  const hangs = body('slow', () => new Promise((resolve) => setTimeout(resolve, 60_000).unref()));
  const slow = agents.tool({ name: 'slow', description: 'slow', parameters: empty, execute: hangs, timeoutMs: 5 });
  const tools = [
    tool('add', body('add'), add.parameters),
    ...each((name, execute) => (name === 'slow' ? slow : tool(name, execute))),
    tool('stopped', (_input, _context, details) => body('stopped')(details?.signal)),
  ];
  const one = agent({ tools, model: new Kept([text('Because.'), ...asked(call)], [text('over')]) });
  const said = (await agents.run(one, 'Add.')).finalOutput;
  const stream = await agents.run(agent({ tools }, [call('streamed', { a: 1, b: 2 })], [text('streamed')]), 'Add.', { stream: true });
  await stream.completed;
  const [{ systemInstructions: systemPrompt, tools: declared }, { input }] = requests;
  const sent = { systemPrompt, tools: declared.map(offered), model: { provider: one.model.constructor.name, name: one.model.model } };
  print({ sent, told: input, said, streamed: stream.finalOutput });
  const aborted = agent({ tools }, [call('stopped', {}, 'stopped')], [text('never')]);
  await agents.run(aborted, 'Stop.', { signal: controller.signal }).catch(() => undefined);
}
