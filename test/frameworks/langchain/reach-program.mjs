import { offered, stage } from '../../../packages/instrumentation/test/fixtures/reach.mjs';

/**
 * One run for everything that an adapter can see of LangChain.
 *
 * @param kit what the programs make their agents of
 * @param talk runs an agent, in whichever way the version has: `(model, tools, config)` to the last message
 */
export async function reach({ tools, z, call, says, schema, Scripted, Streaming }, talk) {
  const { asked, body, controller, each, print } = stage();
  const requests = [];
  class Kept extends Scripted {
    _generate(messages, options, ...rest) {
      requests.push({ messages, tools: options.tools });
      return super._generate(messages, options, ...rest);
    }
  }
  const tool = (name, execute, own = z.object({})) => tools.tool(execute, { name, description: name, schema: own });
  const stopped = tool('stopped', (_input, { signal }) => body('stopped')(signal));
  const all = [tool('add', body('add'), schema), ...each(tool), stopped];
  const model = new Kept([says('Because.', ...asked(call)), says('over')]);
  const said = await talk(model, all);
  const streaming = new Streaming([says('streamed', call('streamed', { a: 1, b: 2 }))]);
  let whole;
  for await (const chunk of await streaming.bindTools(all).stream('Add.')) whole = whole ? whole.concat(chunk) : chunk;
  await all[0].invoke(whole.tool_calls[0]);
  const system = requests[0].messages.filter((message) => (message.getType ?? message._getType).call(message) === 'system');
  const sent = {
    systemPrompt: system.flatMap(({ content }) => [content].flat().map((block) => block.text ?? block)),
    tools: requests[0].tools.map((one) => offered(one.function)),
    model: { provider: 'acme', name: model.model },
  };
  print({ sent, told: requests[1].messages, said, streamed: whole.content });
  await talk(new Scripted([says('', call('stopped', {}, 'stopped'))]), all, { signal: controller.signal }).catch(() => undefined);
}

/** The loop that applications write themselves. */
export function byHand({ messages }) {
  return async (model, tools, config) => {
    const bound = model.bindTools(tools);
    const conversation = [new messages.SystemMessage('You add.'), new messages.HumanMessage('Add.')];
    for (;;) {
      const answer = await bound.invoke(conversation, config);
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

export function byAgent({ langchain }) {
  return async (model, tools, config) => {
    const agent = langchain.createAgent({ model, tools, systemPrompt: 'You add.' });
    return (await agent.invoke({ messages: [{ role: 'user', content: 'Add.' }] }, config)).messages.at(-1).content;
  };
}
