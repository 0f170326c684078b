import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * Agents of @openai/agents as applications use them, for 0.8 to 0.20; prints what an application can observe of each, so that two
 * runs can be compared word for word.
 */
export async function run(agents, zod, print = (line) => console.log(JSON.stringify(line))) {
  agents.setTracingDisabled(true);
  const parts = [
    basic,
    streaming,
    cancelled,
    failing,
    handoffs,
    asTool,
    approving,
    resumed,
    locals,
    hosted,
    computing,
    limits,
    ending,
    aborting,
  ];
  for (const part of parts) await part(kit(agents, zod), (line) => print({ part: part.name, ...line }));
}

export function kit(agents, { z }) {
  const text = (words) => ({
    type: 'message',
    role: 'assistant',
    status: 'completed',
    content: [{ type: 'output_text', text: words }],
  });
  const thought = (words, providerData) => ({
    type: 'reasoning',
    content: words ? [{ type: 'input_text', text: words }] : [],
    providerData,
  });
  const call = (callId, args = {}, name = 'add') => ({
    type: 'function_call',
    callId,
    name,
    status: 'completed',
    arguments: JSON.stringify(args),
  });
  /** Answers one list of items after the other, at once or as a stream; keeps what it was sent. */
  class Scripted {
    sent = [];
    model = 'scripted-1';
    #steps;

    constructor(...steps) {
      this.#steps = steps;
    }

    async #next(request) {
      const { systemInstructions, input, tools, handoffs } = request;
      const kinds = (Array.isArray(input) ? input : [{ type: 'text' }]).map((item) => item.type ?? item.role);
      this.sent.push([systemInstructions, kinds, tools.map(({ name }) => name), handoffs.map(({ toolName }) => toolName)]);
      const step = this.#steps.shift() ?? [text('nothing more to say')];
      const output = typeof step === 'function' ? await step(request) : step;
      if (output instanceof Error) throw output;
      return { output, usage: new agents.Usage() };
    }

    getResponse(request) {
      return this.#next(request);
    }

    async *getStreamedResponse(request) {
      const { output } = await this.#next(request);
      yield { type: 'response_started' };
      for (const item of output) if (item.role === 'assistant') yield { type: 'output_text_delta', delta: item.content[0].text };
      const usage = { inputTokens: 0, outputTokens: 0, totalTokens: 0 };
      yield { type: 'response_done', response: { id: 'r', output, usage } };
    }
  }
  const ran = [];
  const scope = new AsyncLocalStorage();
  const parameters = z.object({ a: z.number(), b: z.number().default(1) });
  const add = agents.tool({
    name: 'add',
    description: 'Adds two numbers',
    parameters,
    async execute({ a, b }, context, details) {
      ran.push([a, b, typeof context, details?.toolCall?.callId, scope.getStore()]);
      if (a < 0) throw new RangeError('negative');
      return a + b;
    },
  });
  const agent = (options, ...steps) =>
    new agents.Agent({ name: 'Adder', instructions: 'You add.', model: new Scripted(...steps), tools: [add], ...options });
  return { agents, z, text, thought, call, Scripted, ran, scope, add, agent };
}

const shown = ({ finalOutput, history, interruptions = [], lastAgent }) => ({
  finalOutput,
  history: history.map((item) => [item.type ?? item.role, item.callId, item.output?.text ?? item.output ?? item.content?.[0]?.text]),
  interruptions: interruptions.map(({ rawItem }) => rawItem.name ?? rawItem.type),
  lastAgent: lastAgent?.name,
});
const error = (caught) => ({ name: caught.name, message: caught.message, class: caught.constructor.name });

async function basic({ agents, agent, call, text, thought, ran, scope }, print) {
  const one = agent(
    {},
    [text('Two sums.'), call('c1', { a: 1, b: 2 }), call('c2', { a: -1, b: 2 })],
    [thought('One more.'), call('c3', { a: 3, b: 4 })],
    [thought('', { encrypted_content: 'c2VjcmV0' }), call('c4', { a: 1, b: 1 })],
    [text('Done.')],
  );
  const started = [];
  one.on('agent_tool_start', (_context, tool, { toolCall }) => started.push([tool.name, toolCall.callId]));
  const result = await scope.run('mine', () => agents.run(one, 'Add.'));
  print({ ...shown(result), sent: one.model.sent, ran, started });
}

async function streaming({ agents, agent, call, text }, print) {
  const steps = () => [[text('Adding.'), call('s1', { a: 1, b: 2 }), call('s2', { a: 2, b: 2 })], [text('3 and 4.')]];
  const result = await agents.run(agent({}, ...steps()), 'Add.', { stream: true });
  const types = [];
  for await (const event of result) types.push(event.type === 'run_item_stream_event' ? event.name : event.type);
  await result.completed;
  print({ types, output: result.finalOutput, class: result.constructor.name });
  const unread = await agents.run(agent({}, ...steps()), 'Add.', { stream: true });
  await unread.completed;
  print({ unread: unread.finalOutput });
  const words = await agents.run(agent({}, ...steps()), 'Add.', { stream: true });
  let all = '';
  for await (const word of words.toTextStream({ compatibleWithNodeStreams: true })) all += word;
  print({ all });
}

async function cancelled({ agents, agent, call, text }, print) {
  const result = await agents.run(agent({}, [text('Adding.'), call('x1', { a: 1, b: 2 })], [text('3')]), 'Add.', { stream: true });
  for await (const event of result) {
    print({ left: event.type });
    break;
  }
  await result.completed.catch((caught) => print(error(caught)));
  print({ cancelled: result.cancelled });
}

async function failing({ agents, agent, call, text }, print) {
  await agents.run(agent({}, new TypeError('the provider is down')), 'Add.').catch((caught) => print(error(caught)));
  const throwing = agents.tool({
    name: 'add',
    description: 'Throws',
    parameters: { type: 'object', properties: {}, required: [], additionalProperties: false },
    errorFunction: null,
    execute: () => {
      throw new RangeError('no sums today');
    },
  });
  await agents.run(agent({ tools: [throwing] }, [call('f1')]), 'Add.').catch((caught) => print(error(caught)));
  const streamed = await agents.run(agent({}, new TypeError('no stream')), 'Add.', { stream: true });
  await streamed.completed.catch((caught) => print(error(caught)));
  const slow = agents.tool({
    name: 'slow',
    description: 'Takes its time',
    parameters: { type: 'object', properties: {}, required: [], additionalProperties: false },
    timeoutMs: 5,
    execute: (_input, _context, details) => new Promise((resolve) => details?.signal?.addEventListener('abort', () => resolve('too late'))),
  });
  print(shown(await agents.run(agent({ tools: [slow] }, [call('f2', {}, 'slow')], [text('It took too long.')]), 'Wait.')));
}

async function handoffs({ agents, agent, call, text, Scripted }, print) {
  const french = agent(
    { name: 'French', instructions: 'Tu additionnes.' },
    [text('Deux.'), call('h2', { a: 1, b: 1 })],
    [call('h3', {}, 'transfer_to_Spanish')],
  );
  const spanish = agent({ name: 'Spanish', instructions: 'Sumas.' }, [text('Dos.'), call('h4', { a: 2, b: 2 })], [text('Cuatro.')]);
  french.handoffs.push(spanish);
  const model = new Scripted([text('Not mine.'), call('h1', {}, 'transfer_to_French')]);
  const triage = agents.Agent.create({ name: 'Triage', instructions: 'You route.', model, handoffs: [french] });
  print(shown(await agents.run(triage, 'Add.')));
}

async function asTool({ agents, agent, call, text, Scripted }, print) {
  const inner = agent({ name: 'Inner' }, [text('Inside.'), call('i1', { a: 5, b: 5 })], [text('10')]);
  const tools = [inner.asTool({ toolName: 'ask_inner', toolDescription: 'Asks' })];
  const outer = new agents.Agent({
    name: 'Outer',
    model: new Scripted([call('o1', { input: '5 + 5' }, 'ask_inner')], [text('10, it says.')]),
    tools,
  });
  print(shown(await agents.run(outer, '5 + 5?')));
}

const guarded = ({ agents, z }) =>
  agents.tool({
    name: 'delete',
    description: 'Deletes',
    parameters: z.object({ path: z.string() }),
    needsApproval: true,
    execute: async ({ path }) => `deleted ${path}`,
  });

async function approving(kit, print) {
  const { agents, agent, call, text } = kit;
  const steps = [
    [text('May I?'), call('p1', { path: '/a' }, 'delete'), call('p2', { path: '/b' }, 'delete'), call('p3', { a: 1, b: 2 })],
    [text('Done.')],
  ];
  const one = agent({ tools: [guarded(kit), kit.add] }, ...steps);
  const first = await agents.run(one, 'Delete.');
  print(shown(first));
  first.state.approve(first.interruptions[0]);
  first.state.reject(first.interruptions[1]);
  print(shown(await agents.run(one, first.state)));
}

async function resumed(kit, print) {
  const { agents, agent, call, text } = kit;
  const one = agent({ tools: [guarded(kit)] }, [text('Please.'), call('r1', { path: '/c' }, 'delete')], [text('Gone.')]);
  const first = await agents.run(one, 'Delete.');
  const saved = first.state.toString();
  const state = await agents.RunState.fromString(one, saved);
  for (const item of state.getInterruptions()) state.approve(item);
  print(shown(await agents.run(one, state)));
}

async function locals({ agents, agent, text }, print) {
  const seen = [];
  class Shell {
    #count = 0;
    async run(action) {
      seen.push(['shell', action.commands, ++this.#count]);
      if (action.commands[0] === 'boom') throw new Error('no such command');
      const outcome = action.commands[0] === 'sleep' ? { type: 'timeout' } : { type: 'exit', exitCode: 0 };
      return { output: [{ stdout: 'out', stderr: '', outcome }] };
    }
  }
  const editor = {
    createFile: async (operation) => ({ status: 'completed', output: `created ${operation.path}` }),
    updateFile: async () => ({ status: 'failed', output: 'no such file' }),
    deleteFile: async () => undefined,
  };
  const shell = agents.shellTool({ shell: new Shell() });
  const asking = agents.shellTool({
    shell: new Shell(),
    needsApproval: true,
    onApproval: async (_context, item) => ({ approve: item.rawItem.callId === 'z1' }),
  });
  const shellCall = (callId, ...commands) => ({ type: 'shell_call', callId, status: 'completed', action: { commands } });
  const patchCall = (callId, type, path) => ({
    type: 'apply_patch_call',
    callId,
    status: 'completed',
    operation: { type, path, diff: '+1' },
  });
  const steps = [
    [text('Listing.'), shellCall('l1', 'ls'), shellCall('l2', 'boom'), shellCall('l3', 'sleep')],
    [patchCall('l4', 'create_file', '/a'), patchCall('l5', 'update_file', '/b')],
    [text('Done.')],
  ];
  const one = agent({ tools: [shell, agents.applyPatchTool({ editor })] }, ...steps);
  const tools = [];
  one.on('agent_tool_start', (_context, tool) => tools.push(tool === shell || tool.name));
  print({ ...shown(await agents.run(one, 'List.')), seen, tools });
  print(shown(await agents.run(agent({ tools: [asking] }, [shellCall('z1', 'rm'), shellCall('z2', 'rm')], [text('Done.')]), 'Remove.')));
}

async function hosted({ agents, agent, text, thought }, print) {
  const label = { server_label: 'docs' };
  const search = {
    type: 'hosted_tool_call',
    id: 'w1',
    name: 'web_search_call',
    status: 'completed',
    providerData: { type: 'web_search', action: { query: 'sums' } },
  };
  const mcp = (id, more) => ({
    type: 'hosted_tool_call',
    id,
    name: 'mcp_call',
    status: 'completed',
    output: 'found',
    providerData: { type: 'mcp_call', id, name: 'find', arguments: '{"q":"sums"}', ...label, ...more },
  });
  const request = (id) => ({
    type: 'hosted_tool_call',
    id,
    name: 'mcp_approval_request',
    status: 'completed',
    providerData: { type: 'mcp_approval_request', id, name: 'find', arguments: '{"q":"more"}', ...label },
  });
  const tools = [
    agents.hostedMcpTool({
      serverLabel: 'docs',
      serverUrl: 'http://127.0.0.1:9/mcp',
      requireApproval: 'always',
      onApproval: async (_context, item) => ({ approve: item.rawItem.providerData.id === 'q1' }),
    }),
  ];
  const one = agent(
    { tools },
    [thought('Looking.'), search, mcp('m1', { error: 'unavailable' })],
    [request('q1'), request('q2')],
    [mcp('m2', { approval_request_id: 'q1' }), text('Found.')],
  );
  print(shown(await agents.run(one, 'Find.')));
}

async function computing({ agents, agent, text }, print) {
  const done = [];
  class Screen {
    environment = 'browser';
    dimensions = [800, 600];
    #clicks = 0;
    async click(x, y) {
      done.push(['click', x, y, ++this.#clicks]);
      if (x < 0) throw new Error('off screen');
    }
    async screenshot() {
      done.push(['screenshot']);
      return 'aW1n';
    }
    async doubleClick() {}
    async drag() {}
    async keypress() {}
    async move() {}
    async scroll() {}
    async type() {}
    async wait() {}
  }
  const click = (callId, x) => ({ type: 'computer_call', callId, status: 'completed', action: { type: 'click', x, y: 2, button: 'left' } });
  const one = agent(
    { tools: [agents.computerTool({ computer: new Screen() })] },
    [text('Clicking.'), click('k1', 1)],
    [click('k2', -1)],
    [text('Done.')],
  );
  print({ ...shown(await agents.run(one, 'Click.')), done });
}

async function limits({ agents, agent, call, text }, print) {
  const endless = Array.from({ length: 9 }, (_, at) => [call(`n${at}`, { a: at, b: 1 })]);
  await agents.run(agent({}, ...endless), 'Add.', { maxTurns: 2 }).catch((caught) => print(error(caught)));
  await agents.run(agent({}, [call('u1', {}, 'unknown'), call('u2', { a: 1, b: 1 })]), 'Add.').catch((caught) => print(error(caught)));
  const tripped = { name: 'no', execute: async () => ({ tripwireTriggered: true, outputInfo: 'no' }) };
  const stopped = agent({ inputGuardrails: [tripped] }, [call('u3', { a: 1, b: 1 })], [text('2')]);
  await agents.run(stopped, 'Add.').catch((caught) => print(error(caught)));
  print(shown(await agents.run(agent({}, [call('u4', { a: 'one' })], [text('Oh.')]), 'Add.')));
}

async function ending({ agents, agent, call, text }, print) {
  const first = agent({ toolUseBehavior: 'stop_on_first_tool' }, [text('Once.'), call('e1', { a: 1, b: 1 }), call('e2', { a: 2, b: 2 })]);
  print(shown(await agents.run(first, 'Add.')));
  const named = agent({ toolUseBehavior: { stopAtToolNames: ['add'] } }, [call('e3', { a: 1, b: 1 })]);
  print(shown(await agents.run(named, 'Add.')));
  const own = agent({ toolUseBehavior: () => ({ isFinalOutput: true, finalOutput: 'mine' }) }, [call('e4', { a: 1, b: 1 })]);
  print(shown(await new agents.Runner({ groupId: 'g-1' }).run(own, 'Add.')));
}

async function aborting({ agents, agent, call, text }, print) {
  const controller = new AbortController();
  const leaving = (request) => {
    controller.abort();
    throw request.signal?.reason ?? new Error('no signal');
  };
  const run = agents.run(agent({}, [text('Once.'), call('b1', { a: 1, b: 1 })], leaving), 'Add.', { signal: controller.signal });
  await run.catch((caught) => print({ thrown: caught.name }));
}
