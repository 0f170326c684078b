import * as ai from 'ai';
import * as fakes from 'ai/test';
import { z } from 'zod';
import { kit } from '../../../packages/instrumentation/test/fixtures/ai-program.mjs';

/** Examples from the documentation of the AI SDK 7, written anew with a model that answers from a script. */
const { model, call, text, thought } = kit(ai, fakes);
const { tool, generateText, streamText, ToolLoopAgent, isStepCount, hasToolCall } = ai;
const outputs = ({ steps }) =>
  steps.map(({ content }) => content.map((part) => [part.type, part.text ?? part.output ?? part.input ?? part.error?.message]));
const told = (own) => own.doGenerateCalls.map(({ prompt }) => prompt.map(({ role, content }) => [role, content]));

const weather = tool({
  description: 'Get the weather in a location (in Fahrenheit)',
  inputSchema: z.object({ location: z.string().describe('The location to get the weather for') }),
  execute: async ({ location }) => ({ location, temperature: 72 }),
});
const toCelsius = tool({
  description: 'Convert temperature from Fahrenheit to Celsius',
  inputSchema: z.object({ temperature: z.number() }),
  execute: async ({ temperature }) => ({ celsius: Math.round(((temperature - 32) * 5) / 9) }),
});

const programs = {
  /** Building agents: two tools in turn. */
  async weatherAgent(print) {
    const own = model([
      [text('First the weather.'), call('w1', { location: 'San Francisco' }, 'weather')],
      [thought('Now convert.'), call('w2', { temperature: 72 }, 'toCelsius')],
      [text('It is 22 °C.')],
    ]);
    const agent = new ToolLoopAgent({ model: own, instructions: 'You are a weather assistant.', tools: { weather, toCelsius } });
    const result = await agent.generate({ prompt: 'What is the weather in San Francisco in celsius?' });
    print({ text: result.text, outputs: outputs(result), told: told(own) });
  },

  /** Loop control: the model is made to call tools, and is done when it answers through one. */
  async forcedAnswer(print) {
    const steps = [[call('f1', { location: 'Paris' }, 'weather')], [call('f2', { answer: 'Warm.' }, 'answer')]];
    const answer = tool({ description: 'Give the final answer', inputSchema: z.object({ answer: z.string() }) });
    const tools = { weather, answer };
    const result = await generateText({
      model: model(steps),
      tools,
      toolChoice: 'required',
      stopWhen: [isStepCount(5), hasToolCall('answer')],
      prompt: 'Is it warm?',
    });
    print({ calls: result.staticToolCalls.map(({ toolName, input }) => [toolName, input]), outputs: outputs(result) });
  },

  /** Tools: preliminary results of a generator. */
  async preliminary(print) {
    const slow = tool({
      description: 'Get the weather',
      inputSchema: z.object({ location: z.string() }),
      async *execute({ location }) {
        yield { status: 'loading', location };
        yield { status: 'success', location, temperature: 72 };
      },
    });
    const result = streamText({
      model: model([[call('p1', { location: 'Rome' }, 'slow')], [text('72 in Rome')]]),
      tools: { slow },
      stopWhen: isStepCount(3),
      prompt: 'Rome?',
    });
    const seen = [];
    for await (const part of result.stream) if (part.type.startsWith('t')) seen.push([part.type, part.preliminary, part.output]);
    print({ seen, text: await result.text });
  },

  /** Sub-agents: one agent is a tool of another. */
  async subagents(print) {
    const researcher = new ToolLoopAgent({
      model: model([[text('Reading.'), call('s2', { location: 'Oslo' }, 'weather')], [text('Oslo: 72')]]),
      tools: { weather },
    });
    const research = tool({
      description: 'Research a topic',
      inputSchema: z.object({ task: z.string() }),
      execute: async ({ task }, { abortSignal }) => (await researcher.generate({ prompt: task, abortSignal })).text,
    });
    const chief = new ToolLoopAgent({
      model: model([[call('s1', { task: 'Oslo' }, 'research')], [text('72 in Oslo.')]]),
      tools: { research },
    });
    const result = await chief.generate({ prompt: 'Research Oslo.' });
    print({ text: result.text, outputs: outputs(result) });
  },

  /** Workflows: an evaluator has an answer written again. */
  async evaluator(print) {
    const writer = model([[text('Bonjour monde')], [text('Bonjour le monde')]]);
    const judge = model([[text('{"score":3}')], [text('{"score":9}')]]);
    const drafts = [];
    for (let score = 0; score < 8; ) {
      drafts.push((await generateText({ model: writer, prompt: `Translate. Drafts: ${drafts}` })).text);
      const { output } = await generateText({
        model: judge,
        prompt: drafts.at(-1),
        output: ai.Output.object({ schema: z.object({ score: z.number() }) }),
      });
      score = output.score;
    }
    print({ drafts });
  },

  /** Loop control: another model, other tools and fewer messages as the run goes on. */
  async preparedSteps(print) {
    const strong = model([[call('x2', { temperature: 50 }, 'toCelsius')], [text('10')]], { modelId: 'strong' });
    const agent = new ToolLoopAgent({
      model: model([[call('x1', { location: 'Bern' }, 'weather')]]),
      tools: { weather, toCelsius },
      prepareStep: ({ stepNumber, messages }) =>
        stepNumber === 0 ? { activeTools: ['weather'] } : { model: strong, activeTools: ['toCelsius'], messages: messages.slice(-3) },
    });
    const result = await agent.generate({ prompt: 'Bern?' });
    print({ outputs: outputs(result), models: result.steps.map(({ response }) => response.modelId), told: told(strong) });
  },

  /** Errors: a tool that throws, one that does not exist, arguments that do not fit. */
  async errors(print) {
    const bad = tool({
      description: 'Fails',
      inputSchema: z.object({ n: z.number() }),
      execute: async () => Promise.reject(new Error('no')),
    });
    const steps = [[call('e1', { n: 1 }, 'bad'), call('e2', {}, 'nothing'), call('e3', { n: 'x' }, 'bad')], [text('sorry')]];
    print({ outputs: outputs(await generateText({ model: model(steps), tools: { bad }, stopWhen: isStepCount(3), prompt: 'Try.' })) });
  },

  /** Lifecycle callbacks and telemetry of the application's own. */
  async callbacks(print) {
    const seen = [];
    const note = (name) => (event) => void seen.push([name, event.toolCall?.toolName ?? event.stepNumber]);
    const telemetry = {
      integrations: [
        { onToolExecutionStart: note('start'), executeTool: async ({ execute }) => [await execute(), seen.push('around')][0] },
      ],
    };
    const listeners = { onToolExecutionStart: note('own start'), onToolExecutionEnd: note('own end'), onStepEnd: note('step') };
    const steps = [[call('l1', { location: 'Rome' }, 'weather')], [text('72')]];
    const { text: said } = await generateText({
      model: model(steps),
      tools: { weather },
      stopWhen: isStepCount(3),
      prompt: 'Rome?',
      telemetry,
      ...listeners,
    });
    print({ said, seen });
  },

  /** Middleware around the model. */
  async middleware(print) {
    const own = model([[call('m1', { location: 'Rome' }, 'weather')], [text('72')]]);
    const asked = [];
    const specificationVersion = own.specificationVersion;
    const wrapped = ai.wrapLanguageModel({
      model: own,
      middleware: {
        specificationVersion,
        transformParams: async ({ params }) => {
          asked.push(params.prompt.length);
          return { ...params, temperature: 0.5 };
        },
      },
    });
    const { text: said } = await generateText({ model: wrapped, tools: { weather }, stopWhen: isStepCount(3), prompt: 'Rome?' });
    print({ said, asked, temperatures: own.doGenerateCalls.map(({ temperature }) => temperature) });
  },

  /** A chat's stream to its page. */
  async chat(print) {
    const result = streamText({
      model: model([[text('Looking.'), call('u1', { location: 'Rome' }, 'weather')], [text('72')]]),
      tools: { weather },
      stopWhen: isStepCount(3),
      messages: await ai.convertToModelMessages([{ id: 'm', role: 'user', parts: [{ type: 'text', text: 'Rome?' }] }]),
    });
    const chunks = [];
    for await (const chunk of result.toUIMessageStream({ generateMessageId: () => 'reply' })) chunks.push(chunk);
    print({ chunks });
  },
};

for (const [program, show] of Object.entries(programs))
  await show((line) => console.log(JSON.stringify({ program, ...line }).replace(/aitxt-\w+/g, 'id')));
