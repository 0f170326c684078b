import * as agentModule from '@mastra/core/agent';
import { Mastra } from '@mastra/core/mastra';
import { RequestContext } from '@mastra/core/request-context';
import { InMemoryStore } from '@mastra/core/storage';
import * as tools from '@mastra/core/tools';
import { createStep, createWorkflow } from '@mastra/core/workflows';
import * as ai from 'ai';
import * as fakes from 'ai/test';
import { z } from 'zod';
import { kit } from './program.mjs';

/** Examples from the documentation and the templates of Mastra, written anew with a model that answers from a script. */
const { Agent, createTool, model, call, text, thought } = kit({ agent: agentModule, tools, ai, fakes, z });
const results = (steps) =>
  steps.map(({ text: said, toolResults }) => [said, ...toolResults.map(({ payload }) => [payload.toolName, payload.result])]);
const told = (own) =>
  own.doGenerateCalls.map(({ prompt, tools: given = [] }) => [
    prompt.map(({ role, content }) => [role, content]),
    given.map(({ name }) => name),
  ]);

const weatherTool = createTool({
  id: 'get-weather',
  description: 'Get current weather for a location',
  inputSchema: z.object({ location: z.string().describe('City name') }),
  outputSchema: z.object({ temperature: z.number(), location: z.string() }),
  execute: async ({ location }) => ({ temperature: 21, location }),
});

const programs = {
  /** The template's weather agent. */
  async weather(print) {
    const own = model([[text('Looking.'), call('w1', { location: 'Rome' }, 'weatherTool')], [text('21 °C in Rome.')]]);
    const agent = new Agent({
      id: 'weather-agent',
      name: 'Weather Agent',
      instructions: 'You are a helpful weather assistant.',
      model: own,
      tools: { weatherTool },
    });
    const output = await agent.generate('Weather in Rome?');
    print({ text: output.text, steps: results(output.steps), told: told(own) });
  },

  /** Streams: of text, and of everything. */
  async streams(print) {
    const agent = () =>
      new Agent({
        id: 'a',
        name: 'A',
        instructions: 'Help.',
        model: model([[thought('Hm.'), text('Looking.'), call('s1', { location: 'Rome' }, 'weatherTool')], [text('21.')]]),
        tools: { weatherTool },
      });
    let words = '';
    for await (const word of (await agent().stream('Rome?')).textStream) words += word;
    const types = [];
    for await (const { type } of (await agent().stream('Rome?')).fullStream) types.push(type);
    const unread = await agent().stream('Rome?');
    print({ words, types, text: await unread.text, calls: (await unread.toolCalls).map(({ payload }) => payload.toolName) });
  },

  /** An answer in a shape of its own. */
  async structured(print) {
    const agent = new Agent({ id: 'a', name: 'A', instructions: 'Extract.', model: model([[text('{"name":"Ann","age":3}')]]) });
    const { object } = await agent.generate('Ann is 3.', { structuredOutput: { schema: z.object({ name: z.string(), age: z.number() }) } });
    print({ object });
  },

  /** Instructions, model and tools by who asks. */
  async dynamic(print) {
    const own = model([[call('d1', { location: 'Oslo' }, 'weatherTool')], [text('21')]]);
    const agent = new Agent({
      id: 'a',
      name: 'A',
      instructions: ({ requestContext }) => `You speak ${requestContext.get('language')}.`,
      model: () => own,
      tools: ({ requestContext }) => (requestContext.get('tier') === 'pro' ? { weatherTool } : {}),
    });
    const requestContext = new RequestContext();
    requestContext.set('language', 'Norsk');
    requestContext.set('tier', 'pro');
    print({ text: (await agent.generate('Oslo?', { requestContext })).text, told: told(own) });
  },

  /** A supervisor and those who work for it. */
  async supervisor(print) {
    const research = new Agent({
      id: 'research',
      name: 'Research',
      description: 'Researches',
      instructions: 'Research.',
      model: model([[call('v2', { location: 'Rome' }, 'weatherTool')], [text('Rome: 21')]]),
      tools: { weatherTool },
    });
    const writing = new Agent({
      id: 'writing',
      name: 'Writing',
      description: 'Writes',
      instructions: 'Write.',
      model: model([[text('A fine day in Rome.')]]),
    });
    const steps = [
      [call('v1', { prompt: 'Weather in Rome' }, 'agent-research')],
      [call('v3', { prompt: 'Write: Rome: 21' }, 'agent-writing')],
      [text('A fine day in Rome.')],
    ];
    const own = model(steps);
    const chief = new Agent({ id: 'chief', name: 'Chief', instructions: 'Delegate.', model: own, agents: { research, writing } });
    const output = await chief.generate('Write about the weather in Rome.');
    print({
      text: output.text,
      results: output.steps.map(({ toolResults }) => toolResults.map(({ payload }) => [payload.toolName, payload.result.text])),
    });
  },

  /** A workflow with an agent in it, and a workflow that is a tool. */
  async workflows(print) {
    const planner = new Agent({
      id: 'planner',
      name: 'Planner',
      instructions: 'Plan.',
      model: model([[call('k1', { location: 'Bern' }, 'weatherTool')], [text('Walk.')]]),
      tools: { weatherTool },
    });
    const plan = createStep({
      id: 'plan',
      inputSchema: z.object({ city: z.string() }),
      outputSchema: z.object({ plan: z.string() }),
      execute: async ({ inputData, mastra }) => ({
        plan: (await mastra.getAgent('planner').generate(`A plan for ${inputData.city}`)).text,
      }),
    });
    const io = { inputSchema: z.object({ city: z.string() }), outputSchema: z.object({ plan: z.string() }) };
    const trip = createWorkflow({ id: 'trip', description: 'Plans a trip', ...io })
      .then(plan)
      .commit();
    const mastra = new Mastra({ agents: { planner }, workflows: { trip }, logger: false });
    const run = await mastra.getWorkflow('trip').createRun();
    const { status, result } = await run.start({ inputData: { city: 'Bern' } });
    print({ status, result });
  },

  /** Tools that need an approval: granted and declined. */
  async approvals(print) {
    const remove = createTool({
      id: 'remove',
      description: 'Removes',
      inputSchema: z.object({ file: z.string() }),
      requireApproval: true,
      execute: async ({ file }) => ({ removed: file }),
    });
    for (const [id, decide] of Object.entries({ y1: 'approveToolCall', n1: 'declineToolCall' })) {
      const agent = new Agent({
        id: 'a',
        name: 'A',
        instructions: 'Help.',
        model: model([[text('Removing.'), call(id, { file: 'x' }, 'remove')], [text('Over.')]]),
        tools: { remove },
      });
      new Mastra({ agents: { agent }, storage: new InMemoryStore(), logger: false });
      const stream = await agent.stream('Remove x.');
      const types = [];
      for await (const { type } of stream.fullStream) types.push(type);
      const resumed = await agent[decide]({ runId: stream.runId, toolCallId: id });
      for await (const { type } of resumed.fullStream) types.push(type);
      print({ types, text: await resumed.text });
    }
  },

  /** Processors: what goes in is looked at, what comes out is changed. */
  async processors(print) {
    const guard = {
      id: 'guard',
      processInput: async ({ messages, abort }) => (JSON.stringify(messages).includes('secret') ? abort('no secrets') : messages),
    };
    const steps = { id: 'steps', processInputStep: async ({ stepNumber }) => (stepNumber === 1 ? { toolChoice: 'none' } : {}) };
    const agent = (own) =>
      new Agent({ id: 'a', name: 'A', instructions: 'Help.', model: own, tools: { weatherTool }, inputProcessors: [guard, steps] });
    const own = model([[call('p1', { location: 'Rome' }, 'weatherTool')], [text('21')]]);
    const { text: said } = await agent(own).generate('Rome?');
    const { tripwire } = await agent(model([])).generate('A secret.');
    print({ said, choices: own.doGenerateCalls.map(({ toolChoice }) => toolChoice?.type), reason: tripwire?.reason });
  },

  /** Hooks for every step and for the end, and a limit of steps. */
  async callbacks(print) {
    const seen = [];
    const steps = [[call('c1', { location: 'Rome' }, 'weatherTool')], [call('c2', { location: 'Oslo' }, 'weatherTool')], [text('never')]];
    const agent = new Agent({ id: 'a', name: 'A', instructions: 'Help.', model: model(steps), tools: { weatherTool } });
    const onStepFinish = ({ toolCalls, finishReason }) => void seen.push(['step', toolCalls.length, finishReason]);
    const output = await agent.generate('Where?', {
      maxSteps: 2,
      onStepFinish,
      onFinish: ({ finishReason }) => void seen.push(['finish', finishReason]),
    });
    print({ seen, reason: output.finishReason, steps: results(output.steps) });
  },

  /** A toolset for one request, and a tool that runs at the client. */
  async toolsets(print) {
    const client = createTool({ id: 'color', description: 'Changes the colour', inputSchema: z.object({ color: z.string() }) });
    const own = model([[call('t1', { location: 'Rome' }, 'weather_get'), call('t2', { color: 'red' }, 'color')], [text('over')]]);
    const agent = new Agent({ id: 'a', name: 'A', instructions: 'Help.', model: own });
    const output = await agent.generate('Rome, in red?', {
      toolsets: { weather: { weather_get: weatherTool } },
      clientTools: { color: client },
    });
    print({
      text: output.text,
      reason: output.finishReason,
      calls: output.toolCalls.map(({ payload }) => payload.toolName),
      steps: results(output.steps),
      told: told(own),
    });
  },
};

for (const [program, show] of Object.entries(programs))
  await show((line) => console.log(JSON.stringify({ program, ...line }).replace(/"createdAt":\d+/g, '"createdAt":0')));
