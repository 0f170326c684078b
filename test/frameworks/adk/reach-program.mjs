import { offered, stage } from '../../../packages/instrumentation/test/fixtures/reach.mjs';
import { call, kit, text } from './program.mjs';

/** One run for everything that an adapter can see of ADK. */
export async function reach(adk, z) {
  adk.setLogLevel?.(adk.LogLevel?.ERROR);
  const { agentOf, converse, tool, add } = kit(adk, z);
  const { asked, body, controller, each, print } = stage();
  let inside = 0;
  // Meets itself, or not: the framework runs the calls of one response one after the other.
  const meet = body('meet', async () => {
    inside++;
    await new Promise((resolve) => setImmediate(resolve));
    if (inside < 2) throw new Error('nobody else is here');
    return 'met';
  });
  const tools = [
    tool('add', body('add'), { parameters: add.parameters }),
    ...each((name, execute) => tool(name, name === 'meet' ? meet : execute)),
    tool('stopped', (_input, { abortSignal }) => body('stopped')(abortSignal)),
  ];
  const one = agentOf([[text('Because.'), ...asked(call)], [text('over')]], { tools });
  const last = (said) => said.at(-1)[1];
  const said = last(await converse(one));
  const streams = agentOf([[call('streamed', { a: 1, b: 2 })], [text('streamed')]], { tools });
  const streamed = last(await converse(streams, { runConfig: { streamingMode: adk.StreamingMode.SSE } }));
  const [{ systemInstruction, tools: declared }, { contents }] = one.model.requests;
  const sent = {
    systemPrompt: systemInstruction,
    tools: declared.flatMap(({ functionDeclarations }) => functionDeclarations.map(offered)),
    model: { provider: 'gcp.vertex.agent', name: one.model.model },
  };
  print({ sent, told: contents, said, streamed });
  await converse(agentOf([[call('stopped', {}, 'stopped')], [text('never')]], { tools }), { abortSignal: controller.signal });
}
