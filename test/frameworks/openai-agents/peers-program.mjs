import { createServer } from 'node:http';
import { kit as agentsKit } from './agents-program.mjs';

/**
 * Examples from the repository and the documentation of the OpenAI Agents SDK, written anew with a model that answers from a script:
 * each a program of its own that prints what it shows to its user.
 */
export async function run(agents, zod, print = (line) => console.log(JSON.stringify(line))) {
  agents.setTracingDisabled(true);
  for (const [name, program] of Object.entries(programs))
    await program(agentsKit(agents, zod), (line) => print({ program: name, ...line }));
}

const plain = (agents, name, execute) =>
  agents.tool({
    name,
    description: name,
    parameters: { type: 'object', properties: {}, required: [], additionalProperties: false },
    execute,
  });
const outputs = ({ newItems }) => newItems.map((item) => [item.type, item.output ?? item.rawItem?.content?.[0]?.text]);

const programs = {
  /** A tool, and an answer of a shape of its own. */
  async weather({ agents, z, call, text, Scripted }, print) {
    const weather = agents.tool({
      name: 'get_weather',
      description: 'Get the weather for a city',
      parameters: z.object({ city: z.string() }),
      execute: async ({ city }) => ({ city, temperatureRange: '14-20C', conditions: 'Sunny with wind.' }),
    });
    const outputType = z.object({ city: z.string(), advice: z.string() });
    const model = new Scripted([call('w1', { city: 'Tokyo' }, 'get_weather')], [text('{"city":"Tokyo","advice":"a jacket"}')]);
    const agent = new agents.Agent({ name: 'Weather', instructions: 'You are helpful.', model, tools: [weather], outputType });
    const result = await agents.run(agent, "What's the weather in Tokyo?");
    print({ output: result.finalOutput, outputs: outputs(result) });
  },

  /** Agents as tools, called side by side, and one that puts their answers together. */
  async translators({ agents, call, text, Scripted, agent }, print) {
    const translator = (language, words) =>
      agent({ name: `${language}_agent`, instructions: `You translate to ${language}`, tools: [] }, [text(words)]);
    const tools = [translator('spanish', 'Hola'), translator('french', 'Bonjour')].map((one) =>
      one.asTool({ toolName: `translate_with_${one.name}`, toolDescription: `Translate with ${one.name}` }),
    );
    const asked = tools.map(({ name }, at) => call(`t${at}`, { input: 'Hello' }, name));
    const orchestrator = new agents.Agent({ name: 'orchestrator', model: new Scripted(asked, [text('Hola / Bonjour')]), tools });
    const synthesizer = agent({ name: 'synthesizer', tools: [] }, [text('Hola. Bonjour.')]);
    const first = await agents.withTrace('Orchestrator', () => agents.run(orchestrator, 'Hello, in Spanish and French'));
    print({ first: first.finalOutput, outputs: outputs(first) });
    print({ final: (await agents.run(synthesizer, first.output)).finalOutput });
  },

  /** One agent after the other, with a gate between. */
  async story({ agents, z, agent, text }, print) {
    const outline = agent({ name: 'outliner', tools: [] }, [text('A cat goes to sea.')]);
    const outputType = z.object({ good: z.boolean() });
    const checker = agent({ name: 'checker', tools: [], outputType }, [text('{"good":true}')]);
    const writer = agent({ name: 'writer', tools: [] }, [text('Once upon a tide...')]);
    const drawn = await agents.run(outline, 'A story of the sea');
    const checked = await agents.run(checker, drawn.finalOutput);
    if (!checked.finalOutput.good) return print({ stopped: true });
    print({ story: (await agents.run(writer, drawn.finalOutput)).finalOutput });
  },

  /** Triage by language, streamed, over several turns. */
  async routing({ agents, agent, call, text, Scripted }, print) {
    const french = agent({ name: 'french', tools: [] }, [text('Bonjour !')], [text('De rien.')]);
    const handoffs = [french, agent({ name: 'english', tools: [] }, [text('Hello!')])];
    const triage = new agents.Agent({ name: 'triage', model: new Scripted([call('r1', {}, 'transfer_to_french')]), handoffs });
    let current = triage;
    let input = [agents.user('Bonjour')];
    for (const next of ['Merci', undefined]) {
      const result = await agents.run(current, input, { stream: true });
      let words = '';
      for await (const event of result.toTextStream()) words += event;
      await result.completed;
      current = result.currentAgent ?? current;
      input = [...result.history, ...(next ? [agents.user(next)] : [])];
      print({ words, agent: current.name, length: result.history.length });
    }
  },

  /** A handoff with a condition, an input of its own, a callback and a filter. */
  async escalation({ agents, z, agent, call, text, Scripted }, print) {
    const seen = [];
    const second = agent({ name: 'second_line', tools: [], instructions: agents.RECOMMENDED_PROMPT_PREFIX ?? 'You help.' }, [
      text('Solved.'),
    ]);
    const handoff = agents.handoff(second, {
      toolNameOverride: 'escalate',
      toolDescriptionOverride: 'To the second line',
      inputType: z.object({ reason: z.string() }),
      onHandoff: (context, input) => void seen.push([input.reason, context.context.customer]),
      inputFilter: (data) => ({ ...data, newItems: [] }),
    });
    const model = new Scripted([text('This is too hard for me.'), call('e1', { reason: 'angry' }, 'escalate')]);
    const first = new agents.Agent({ name: 'first_line', model, handoffs: [handoff] });
    const result = await agents.run(first, 'It is broken', { context: { customer: 'c-1' } });
    print({ output: result.finalOutput, seen, last: result.lastAgent.name, sent: second.model.sent });
  },

  /** Guardrails on what comes in, on what goes out, and on a tool's input. */
  async guardrails({ agents, agent, call, text, add }, print) {
    const tripping = (name, when) => ({
      name,
      execute: async (given) => ({ tripwireTriggered: when(JSON.stringify(given.input ?? given.agentOutput)), outputInfo: name }),
    });
    const homework = agent(
      { inputGuardrails: [tripping('homework', (input) => input.includes('homework'))] },
      [text('Hi.')],
      [text('Hi.')],
    );
    print({ fine: (await agents.run(homework, 'hello')).finalOutput });
    await agents
      .run(homework, 'do my homework')
      .catch((caught) => print({ stopped: caught.constructor.name, by: caught.result.guardrail.name }));
    const numbers = agent(
      { outputGuardrails: [tripping('numbers', (output) => output.includes('555'))] },
      [call('g1', { a: 1, b: 1 })],
      [text('Call 555.')],
    );
    await agents.run(numbers, 'number?').catch((caught) => print({ stopped: caught.constructor.name }));
    print({ tools: numbers.tools.length, name: add.name });
  },

  /** A human in the loop, whose word comes while the state lies in a file. */
  async approval({ agents, z, agent, call, text }, print) {
    const temperature = agents.tool({
      name: 'get_temperature',
      description: 'Temperature of a city',
      parameters: z.object({ city: z.string() }),
      needsApproval: async (_context, { city }) => city.includes('Oakland'),
      execute: async ({ city }) => `${city}: 20C`,
    });
    const steps = [
      [call('h1', { city: 'Oakland' }, 'get_temperature'), call('h2', { city: 'Berlin' }, 'get_temperature')],
      [text('Both 20C.')],
    ];
    const one = agent({ tools: [temperature] }, ...steps);
    let result = await agents.run(one, 'Oakland and Berlin?', { stream: true });
    await result.completed;
    while (result.interruptions.length > 0) {
      const state = await agents.RunState.fromString(one, JSON.stringify(result.state));
      for (const item of state.getInterruptions()) {
        print({ asking: item.rawItem.name, arguments: item.rawItem.arguments });
        state.approve(item);
      }
      result = await agents.run(one, state, { stream: true });
      await result.completed;
    }
    print({ output: result.finalOutput });
    const deciding = agent({ tools: [temperature] }, ...steps);
    const first = await agents.run(deciding, 'Oakland and Berlin?');
    for (const item of first.interruptions) first.state.reject(item, { alwaysReject: true });
    print({ rejected: outputs(await agents.run(deciding, first.state)) });
  },

  /** Tools that have to be used, and runs that end with one. */
  async forced({ agents, call, text, agent }, print) {
    const weather = plain(agents, 'weather', () => 'Sunny');
    for (const toolUseBehavior of [
      'run_llm_again',
      'stop_on_first_tool',
      (_context, [first]) => ({ isFinalOutput: true, finalOutput: `Forced: ${first.output}` }),
    ]) {
      const one = agent(
        { tools: [weather], toolUseBehavior, modelSettings: { toolChoice: 'required' } },
        [call('f1', {}, 'weather')],
        [text('It is sunny.')],
      );
      print({ output: (await agents.run(one, 'Weather?')).finalOutput });
    }
  },

  /** Hooks of the life of a run, on agents and on the runner. */
  async lifecycle({ agents, agent, call, text }, print) {
    const events = [];
    const one = agent({}, [call('l1', { a: 1, b: 1 })], [text('2')]);
    const runner = new agents.Runner();
    for (const name of ['agent_start', 'agent_end', 'agent_tool_start', 'agent_tool_end']) {
      one.on(name, () => events.push(`agent ${name}`));
      runner.on(name, () => events.push(`runner ${name}`));
    }
    await runner.run(one, 'Add.');
    print({ events });
  },

  /** Instructions that depend on the context, and a tool that reads it. */
  async context({ agents, agent, call, text }, print) {
    const who = plain(agents, 'who', async (_input, { context }) => `${context.name} is ${context.age}`);
    const one = agent(
      { tools: [who], instructions: ({ context }) => `You talk to ${context.name}.` },
      [call('x1', {}, 'who')],
      [text('47.')],
    );
    const result = await agents.run(one, 'How old am I?', { context: { name: 'John', age: 47 } });
    print({ output: result.finalOutput, outputs: outputs(result), sent: one.model.sent });
  },

  /** A loop of a writer and a judge, and several at once of which one is picked. */
  async judged({ agents, z, agent, text }, print) {
    const writer = agent({ tools: [] }, [text('Draft.')], [text('Better draft.')]);
    const judge = agent(
      { tools: [], outputType: z.object({ score: z.enum(['pass', 'fail']) }) },
      [text('{"score":"fail"}')],
      [text('{"score":"pass"}')],
    );
    let input = [agents.user('Write.')];
    for (;;) {
      const draft = await agents.run(writer, input);
      input = draft.history;
      const { finalOutput } = await agents.run(judge, input);
      print({ draft: draft.finalOutput, ...finalOutput });
      if (finalOutput.score === 'pass') break;
      input.push(agents.user('Try again.'));
    }
    const many = agent({ tools: [] }, [text('uno')], [text('dos')], [text('tres')]);
    const all = await Promise.all([1, 2, 3].map(() => agents.run(many, 'Translate')));
    print({ all: all.map(({ finalOutput }) => finalOutput) });
  },

  /** The real model classes, against a provider that is a server in this process. */
  async provider({ agents, add }, print) {
    const bodies = [];
    const call = { type: 'function_call', id: 'fc', call_id: 'v1', name: 'add', arguments: '{"a":1,"b":2}', status: 'completed' };
    const message = {
      type: 'message',
      id: 'm',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: '3', annotations: [] }],
    };
    const answers = [
      [{ type: 'reasoning', id: 'rs', summary: [{ type: 'summary_text', text: 'I add.' }], encrypted_content: 'abc' }, call],
      [message],
    ];
    const server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      bodies.push(JSON.parse(body));
      const output = answers[bodies.length - 1];
      const usage = {
        input_tokens: 1,
        output_tokens: 1,
        total_tokens: 2,
        input_tokens_details: { cached_tokens: 0 },
        output_tokens_details: { reasoning_tokens: 0 },
      };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ id: `resp_${bodies.length}`, object: 'response', status: 'completed', model: 'gpt-x', output, usage }));
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const modelProvider = new agents.OpenAIProvider({
      apiKey: 'none',
      baseURL: `http://127.0.0.1:${server.address().port}`,
      useResponses: true,
    });
    const one = new agents.Agent({ name: 'Real', instructions: 'You add.', model: 'gpt-x', tools: [add] });
    const result = await new agents.Runner({ modelProvider }).run(one, 'Add.');
    print({
      output: result.finalOutput,
      bodies: bodies.map(({ model, instructions, input, tools }) => ({ model, instructions, input: input.length, tools: tools.length })),
    });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  },
};
