import { kit as agentsKit } from './agents-program.mjs';

/**
 * Examples from the documentation of LangChain and LangGraph, written anew with a model that answers from a script: each a program
 * of its own that prints what it shows to its user.
 */
export async function run(modules, print = (line) => console.log(JSON.stringify(line))) {
  for (const [name, program] of Object.entries(programs)) await program(kit(modules), (line) => print({ program: name, ...line }));
}

function kit(modules) {
  const { prompts, parsers, runnables, documents, testing, fakes } = modules;
  return { ...agentsKit(modules), prompts, parsers, runnables, documents, testing, fakes };
}

const last = ({ messages }) => messages.at(-1).content;
const texts = ({ messages }) =>
  messages.map(({ type, content }) => `${type}: ${typeof content === 'string' ? content : JSON.stringify(content)}`);
const thread = (id, more) => ({ configurable: { thread_id: id, ...more } });
const user = (content) => ({ messages: [{ role: 'user', content }] });

const programs = {
  /** Quickstart: a weather agent with a context, memory and a structured answer. */
  async weather({ langchain, Scripted, call, says, tools, z, memory }, print) {
    const forecast = tools.tool(({ city }) => `It's always sunny in ${city}!`, {
      name: 'get_weather_for_location',
      description: 'Get the weather for a given city',
      schema: z.object({ city: z.string() }),
    });
    const located = tools.tool((_input, { context }) => (context.user_id === '1' ? 'Florida' : 'SF'), {
      name: 'get_user_location',
      description: 'Retrieve user information based on user ID',
      schema: z.object({}),
    });
    const model = new Scripted([
      says('Where are they?', call('p1', {}, 'get_user_location')),
      says('', call('p2', { city: 'Florida' }, 'get_weather_for_location')),
      says('', call('p3', { punny_response: 'Sun-derful!' }, 'extract-1')),
    ]);
    const agent = langchain.createAgent({
      model,
      systemPrompt: 'You are an expert weather forecaster, who speaks in puns.',
      tools: [located, forecast],
      responseFormat: langchain.toolStrategy(z.object({ punny_response: z.string() })),
      contextSchema: z.object({ user_id: z.string() }),
      checkpointer: memory(),
    });
    const response = await agent.invoke(user('what is the weather outside?'), { ...thread('1'), context: { user_id: '1' } });
    print({ structured: response.structuredResponse, texts: texts(response) });
  },

  /** LangGraph's quickstart: a calculator whose loop is a graph with a tool node of the application's own. */
  async calculator({ langgraph, messages, Scripted, call, says, tools, z }, print) {
    const binary = (name, run) =>
      tools.tool(({ a, b }) => String(run(a, b)), {
        name,
        description: `${name} two numbers`,
        schema: z.object({ a: z.number(), b: z.number() }),
      });
    const byName = Object.fromEntries(
      [binary('add', (a, b) => a + b), binary('multiply', (a, b) => a * b), binary('divide', (a, b) => a / b)].map((one) => [
        one.name,
        one,
      ]),
    );
    const scripted = new Scripted([
      says('First the sum.', call('c1', { a: 3, b: 4 })),
      says('', call('c2', { a: 7, b: 2 }, 'multiply')),
      says('14'),
    ]);
    const model = scripted.bindTools(Object.values(byName));
    const ask = async (state) => ({ messages: await model.invoke([new messages.SystemMessage('You do arithmetic.'), ...state.messages]) });
    const act = async (state) => ({
      messages: await Promise.all(state.messages.at(-1).tool_calls.map((one) => byName[one.name].invoke(one))),
    });
    const agent = new langgraph.StateGraph(langgraph.MessagesAnnotation)
      .addNode('ask', ask)
      .addNode('act', act)
      .addEdge(langgraph.START, 'ask')
      .addConditionalEdges('ask', (state) => (state.messages.at(-1).tool_calls?.length ? 'act' : langgraph.END), ['act', langgraph.END])
      .addEdge('act', 'ask')
      .compile();
    print({ texts: texts(await agent.invoke(user('(3 + 4) * 2'))) });
  },

  /** Retrieval by an agent that grades what it found and asks again. */
  async retrieval({ langgraph, prebuilt, documents, Scripted, call, says, tools, z }, print) {
    const shelf = [
      new documents.Document({ pageContent: 'Reward hacking is when a policy exploits its reward.', metadata: { id: 1 } }),
      new documents.Document({ pageContent: 'Cats sleep a lot.', metadata: { id: 2 } }),
    ];
    const retrieve = tools.tool(
      async ({ query }) => {
        const found = shelf.filter(({ pageContent }) => query.split(' ').some((word) => pageContent.includes(word)));
        return [found.map(({ pageContent }) => pageContent).join('\n'), found];
      },
      {
        name: 'retrieve',
        description: 'Search the shelf',
        schema: z.object({ query: z.string() }),
        responseFormat: 'content_and_artifact',
      },
    );
    const model = new Scripted([
      says('', call('r1', { query: 'Cats' }, 'retrieve')),
      says('What does reward hacking mean?'),
      says('Again, better.', call('r2', { query: 'Reward' }, 'retrieve')),
      says('Exploiting a reward.'),
    ]);
    const ask = async (state) => ({ messages: [await model.bindTools([retrieve]).invoke(state.messages)] });
    const grade = ({ messages }) => (messages.at(-1).content.includes('Reward') ? 'answer' : 'rewrite');
    const graph = new langgraph.StateGraph(langgraph.MessagesAnnotation)
      .addNode('ask', ask)
      .addNode('retrieve', new prebuilt.ToolNode([retrieve]))
      .addNode('rewrite', async (state) => ({ messages: [{ role: 'user', content: (await model.invoke(state.messages)).content }] }))
      .addNode('answer', async (state) => ({ messages: [await model.invoke(state.messages)] }))
      .addEdge('__start__', 'ask')
      .addConditionalEdges('ask', prebuilt.toolsCondition, { tools: 'retrieve', __end__: '__end__' })
      .addConditionalEdges('retrieve', grade, ['answer', 'rewrite'])
      .addEdge('rewrite', 'ask')
      .addEdge('answer', '__end__')
      .compile();
    const steps = [];
    for await (const step of await graph.stream(user('What is reward hacking?'))) steps.push(Object.keys(step)[0]);
    print({ steps, artifacts: (await retrieve.invoke(call('r3', { query: 'Cats' }, 'retrieve'))).artifact.length });
  },

  /** A supervisor whose workers are tools, one of which needs a human's word. */
  async assistants({ langchain, langgraph, Scripted, call, says, tools, z, memory }, print) {
    const send = tools.tool(({ to, subject }) => `Email sent to ${to}: ${subject}`, {
      name: 'send_email',
      description: 'Send an email',
      schema: z.object({ to: z.string(), subject: z.string() }),
    });
    const worker = (name, own, ...steps) =>
      tools.tool(
        async ({ request }) =>
          last(
            await langchain
              .createAgent({ model: new Scripted(steps), tools: own, name, systemPrompt: `You are ${name}.` })
              .invoke(user(request)),
          ),
        { name, description: `Asks ${name}`, schema: z.object({ request: z.string() }) },
      );
    const mail = worker('mailer', [send], says('', call('a2', { to: 'team@example.com', subject: 'Review' }, 'send_email')), says('Sent.'));
    const boss = langchain.createAgent({
      model: new Scripted([
        says('I will have it sent.', call('a1', { request: 'Remind the team' }, 'mailer')),
        says('The team was reminded.'),
      ]),
      tools: [mail],
      checkpointer: memory(),
      middleware: [langchain.humanInTheLoopMiddleware({ interruptOn: { mailer: true } })],
    });
    const paused = await boss.invoke(user('Remind the team of the review'), thread('a'));
    print({ paused: paused.__interrupt__[0].value.actionRequests.map(({ name }) => name) });
    const resume = new langgraph.Command({
      resume: { decisions: [{ type: 'edit', editedAction: { name: 'mailer', args: { request: 'Remind them kindly' } } }] },
    });
    print({ texts: texts(await boss.invoke(resume, thread('a'))) });
  },

  /** Jokes on many subjects at once: map and reduce with Send. */
  async jokes({ langgraph, testing }, print) {
    const model = new testing.FakeListChatModel({ responses: ['lions, penguins', 'a joke of lions', 'a joke of penguins', '2'] });
    const State = langgraph.Annotation.Root({
      topic: langgraph.Annotation(),
      subjects: langgraph.Annotation(),
      jokes: langgraph.Annotation({ reducer: (one, other) => one.concat(other), default: () => [] }),
      best: langgraph.Annotation(),
    });
    const graph = new langgraph.StateGraph(State)
      .addNode('list', async ({ topic }) => ({ subjects: (await model.invoke(`Subjects of ${topic}`)).content.split(', ') }))
      .addNode('joke', async ({ subject }) => ({ jokes: [(await model.invoke(`A joke of ${subject}`)).content] }))
      .addNode('choose', async ({ jokes }) => ({ best: jokes.toSorted()[Number((await model.invoke(jokes.join())).content) - 1] }))
      .addEdge('__start__', 'list')
      .addConditionalEdges('list', ({ subjects }) => subjects.map((subject) => new langgraph.Send('joke', { subject })), ['joke'])
      .addEdge('joke', 'choose')
      .compile();
    const seen = [];
    for await (const step of await graph.stream({ topic: 'animals' })) seen.push(Object.keys(step));
    print({ seen });
  },

  /** An essay that a human reviews, in the functional way of writing graphs. */
  async essay({ langgraph, Scripted, says, memory }, print) {
    const model = new Scripted([says('An essay about cats.')]);
    const write = langgraph.task('write', async (topic) => (await model.invoke(`Write about ${topic}`)).content);
    const workflow = langgraph.entrypoint({ checkpointer: memory(), name: 'essay' }, async (topic) => {
      const essay = await write(topic);
      const approved = langgraph.interrupt({ essay, action: 'Please approve/reject the essay' });
      return { essay, approved };
    });
    const chunks = [];
    for await (const chunk of await workflow.stream('cats', thread('e'))) chunks.push(chunk);
    for await (const chunk of await workflow.stream(new langgraph.Command({ resume: true }), thread('e'))) chunks.push(chunk);
    print({ chunks: chunks.map((chunk) => [Object.keys(chunk), chunk.essay]), calls: model.at });
  },

  /** Time travel: back to an earlier state, changed, and on from there. */
  async travel({ prebuilt, langgraph, Scripted, call, says, tools, z, memory }, print) {
    const search = tools.tool(({ query }) => `results for ${query}`, {
      name: 'search',
      description: 'Search',
      schema: z.object({ query: z.string() }),
    });
    const llm = new Scripted([says('', call('t1', { query: 'weather' }, 'search')), says('Sunny.'), says('Rainy.')]);
    const graph = prebuilt.createReactAgent({ llm, tools: [search], checkpointSaver: memory(), interruptBefore: ['tools'] });
    await graph.invoke(user('How is the weather?'), thread('t'));
    const state = await graph.getState(thread('t'));
    const asking = state.values.messages.at(-1);
    const changed = says('', { ...asking.tool_calls[0], args: { query: 'weather tomorrow' } });
    changed.id = asking.id;
    const config = await graph.updateState(state.config, { messages: [changed] }, 'agent');
    print({ next: state.next, texts: texts(await graph.invoke(null, config)) });
    const history = [];
    for await (const { next, values } of graph.getStateHistory(thread('t'))) history.push([next, values.messages?.length]);
    print({ history, command: typeof langgraph.Command });
  },

  /** Two agents that hand over to each other by commands. */
  async network({ langgraph, Scripted, call, says, tools, z, prebuilt }, print) {
    const goTo = (name) =>
      tools.tool(
        async (_input, config) => {
          const message = { role: 'tool', content: `Over to ${name}`, tool_call_id: config.toolCall.id };
          return new langgraph.Command({
            goto: name,
            graph: langgraph.Command.PARENT,
            update: { messages: config.state.messages.concat(message) },
          });
        },
        { name: `to_${name}`, description: `Hands over to ${name}`, schema: z.object({}) },
      );
    const advisor = (name, other, ...steps) =>
      prebuilt.createReactAgent({ llm: new Scripted(steps), tools: [goTo(other)], name, prompt: `You advise on ${name}.` });
    const travel = advisor('travel', 'hotels', says('Take the beach.', call('x1', {}, 'to_hotels')));
    const hotels = advisor('hotels', 'travel', says('The Grand is fine.'));
    const graph = new langgraph.StateGraph(langgraph.MessagesAnnotation)
      .addNode('travel', travel, { ends: ['hotels'] })
      .addNode('hotels', hotels, { ends: ['travel'] })
      .addEdge('__start__', 'travel')
      .compile();
    print({ texts: texts(await graph.invoke(user('Where shall I go?'))) });
  },

  /** Chains: a prompt, a model and a parser; in parallel, with a fallback, in a batch, streamed. */
  async chains({ prompts, parsers, runnables, testing, Scripted, says }, print) {
    const prompt = prompts.ChatPromptTemplate.fromMessages([
      ['system', 'You translate into {language}.'],
      ['human', '{text}'],
    ]);
    const chain = prompt.pipe(new testing.FakeListChatModel({ responses: ['bonjour', 'salut'] })).pipe(new parsers.StringOutputParser());
    print({ one: await chain.invoke({ language: 'French', text: 'hello' }) });
    print({
      batch: (
        await chain.batch([
          { language: 'French', text: 'hi' },
          { language: 'French', text: 'hello' },
        ])
      ).toSorted(),
    });
    const pieces = [];
    for await (const piece of await chain.stream({ language: 'French', text: 'hi' })) pieces.push(piece);
    print({ pieces });
    const failing = new Scripted([new Error('overloaded')]);
    print({ fallback: (await failing.withFallbacks([new Scripted([says('from the other')])]).invoke('hi')).content });
    const both = runnables.RunnableMap.from({ a: chain, b: runnables.RunnableLambda.from(({ text }) => text.length) });
    print({ both: await both.invoke({ language: 'French', text: 'four' }) });
  },

  /** The fake that the framework brings for tests, with errors and tools. */
  async fakes({ langchain, fakes, tools, z }, print) {
    const add = tools.tool(({ a, b }) => `${a + b}`, {
      name: 'add',
      description: 'Adds',
      schema: z.object({ a: z.number(), b: z.number() }),
    });
    const model = fakes
      .fakeModel()
      .respondWithTools([{ name: 'add', args: { a: 1, b: 2 }, id: 'k1' }])
      .respond(new langchain.AIMessage('3'));
    print({ texts: texts(await langchain.createAgent({ model, tools: [add] }).invoke(user('1 + 2?'))), calls: model.callCount });
    const retrying = langchain.createAgent({
      model: fakes.fakeModel().respond(new Error('busy')).respond(new langchain.AIMessage('at last')),
      tools: [],
      middleware: [langchain.modelRetryMiddleware({ maxRetries: 2, initialDelayMs: 1 })],
    });
    print({ retried: last(await retrying.invoke(user('hi'))) });
  },
};
