import * as adk from '@google/adk';
import { z } from 'zod';
import { call, kit, text, thought } from './program.mjs';

/** Examples from the documentation and the samples of ADK, written anew with a model that answers from a script. */
adk.setLogLevel?.(adk.LogLevel?.ERROR);
const { Scripted, shown, tool } = kit(adk, z);
const agentOf = (name, steps, more) => new adk.LlmAgent({ name, description: `The ${name}`, model: new Scripted(steps), ...more });
const ids = (line) => JSON.parse(JSON.stringify(line).replace(/adk-[0-9a-f-]{36}/g, 'adk-id'));

async function converse(agent, words, more = {}) {
  const runner = new adk.InMemoryRunner({ agent, appName: 'examples', ...more });
  const session = await runner.sessionService.createSession({ appName: 'examples', userId: 'u', sessionId: 's', state: more.state });
  const said = [];
  for (const word of [words].flat()) {
    const newMessage = { role: 'user', parts: [{ text: word }] };
    for await (const event of runner.runAsync({ userId: 'u', sessionId: session.id, newMessage, ...more.options })) said.push(shown(event));
  }
  const { state } = await runner.sessionService.getSession({ appName: 'examples', userId: 'u', sessionId: 's' });
  return { said, state };
}

const programs = {
  /** Quickstart: the time in a city, asked for twice. */
  async time(print) {
    const getCurrentTime = tool(
      'get_current_time',
      ({ city }) => ({ status: 'success', report: `The current time in ${city} is 10:30 AM` }),
      {
        parameters: z.object({ city: z.string().describe('The city') }),
      },
    );
    const steps = [
      [text('Let me look.'), call('q1', { city: 'Rome' }, 'get_current_time')],
      [text('10:30.')],
      [thought('Again.'), call(undefined, { city: 'Oslo' }, 'get_current_time')],
      [text('10:30 too.')],
    ];
    print(
      await converse(agentOf('hello_time_agent', steps, { instruction: 'Tell the time.', tools: [getCurrentTime] }), [
        'Rome?',
        'And Oslo?',
      ]),
    );
  },

  /** An instruction with state in it, and an answer that goes to the state. */
  async state(print) {
    const agent = agentOf('writer', [[text('A story of cats.')]], { instruction: 'Write about {topic}.', outputKey: 'story' });
    print({
      ...(await converse(agent, 'Go.', { state: { topic: 'cats' } })),
      sent: agent.model.requests.map(({ systemInstruction }) => systemInstruction),
    });
  },

  /** A tool that reads and changes the state. */
  async memory(print) {
    const remember = tool(
      'remember',
      ({ what }, context) => {
        context.state.set('seen', [...(context.state.get('seen') ?? []), what]);
        return `${context.state.get('seen').length} remembered`;
      },
      { parameters: z.object({ what: z.string() }) },
    );
    const steps = [[call('m1', { what: 'a' }, 'remember'), call('m2', { what: 'b' }, 'remember')], [text('Done.')]];
    print(await converse(agentOf('rememberer', steps, { tools: [remember] }), 'Remember a and b.'));
  },

  /** Sequential agents: code is written, reviewed and written again. */
  async pipeline(print) {
    const subAgents = [
      agentOf('writer', [[text('let x')]], { outputKey: 'code' }),
      agentOf('reviewer', [[text('Name it.')]], { instruction: 'Review {code}', outputKey: 'comments' }),
      agentOf('refactorer', [[text('let name')]], { instruction: 'Refactor {code} by {comments}' }),
    ];
    print(await converse(new adk.SequentialAgent({ name: 'pipeline', subAgents }), 'Write.'));
  },

  /** Loops: until one of the agents says that it is enough. */
  async loop(print) {
    const critic = agentOf('critic', [[text('Longer.')], [text('Fine.')]]);
    const refiner = agentOf('refiner', [[text('A longer text.')], [call('x1', {}, 'exit_loop')]], {
      tools: [adk.EXIT_LOOP ?? new adk.ExitLoopTool()],
    });
    print(await converse(new adk.LoopAgent({ name: 'loop', subAgents: [critic, refiner], maxIterations: 5 }), 'Write.'));
  },

  /** Parallel agents, and one that puts together what they found. */
  async research(print) {
    const search = tool('search', ({ topic }) => `about ${topic}`, { parameters: z.object({ topic: z.string() }) });
    const researchers = ['energy', 'carbon'].map((topic) =>
      agentOf(topic, [[call(topic, { topic }, 'search')], [text(`found ${topic}`)]], { tools: [search], outputKey: topic }),
    );
    const merger = agentOf('merger', [[text('Both.')]], { instruction: 'Merge {energy} and {carbon}' });
    const all = new adk.ParallelAgent({ name: 'researchers', subAgents: researchers });
    const { said, state } = await converse(new adk.SequentialAgent({ name: 'research', subAgents: [all, merger] }), 'Research.');
    print({ said: said.map((line) => JSON.stringify(line)).sort(), state });
  },

  /** A team: greetings and farewells have agents of their own. */
  async team(print) {
    const sayHello = tool('say_hello', ({ name }) => `Hello, ${name}!`, { parameters: z.object({ name: z.string().default('there') }) });
    const greeter = agentOf('greeter', [[call('t2', { name: 'Ann' }, 'say_hello')], [text('Hello, Ann!')], [text('Hello again.')]], {
      tools: [sayHello],
    });
    const farewell = agentOf('farewell', [[text('Bye.')]]);
    const root = agentOf('root', [[call('t1', { agentName: 'greeter' }, 'transfer_to_agent')]], { subAgents: [greeter, farewell] });
    print(await converse(root, ['Hello, I am Ann.', 'Hello?']));
  },

  /** An agent as a tool. */
  async summary(print) {
    const summarizer = agentOf('summarizer', [[text('Short.')]], { instruction: 'Summarize.' });
    const root = agentOf('root', [[call('s1', { request: 'A long text' }, 'summarizer')], [text('In short: Short.')]], {
      tools: [new adk.AgentTool({ agent: summarizer, skipSummarization: false })],
    });
    print(await converse(root, 'Summarize a long text.'));
  },

  /** Callbacks as guardrails, before the model and before the tool. */
  async guardrails(print) {
    const weather = tool('get_weather', ({ city }) => ({ status: 'success', city }), { parameters: z.object({ city: z.string() }) });
    const agent = agentOf(
      'guarded',
      [[call('g1', { city: 'Paris' }, 'get_weather'), call('g2', { city: 'Rome' }, 'get_weather')], [text('Not Paris.')]],
      {
        tools: [weather],
        beforeModelCallback: ({ request }) =>
          request.contents.at(-1).parts[0].text?.includes('BLOCK')
            ? { content: { role: 'model', parts: [{ text: 'I cannot.' }] } }
            : undefined,
        beforeToolCallback: ({ args }) => (args.city === 'Paris' ? { status: 'error', error_message: 'not Paris' } : undefined),
        afterToolCallback: ({ response }) => ({ ...response, checked: true }),
      },
    );
    print(await converse(agent, ['Paris and Rome?', 'BLOCK this.']));
  },

  /** A plugin that counts. */
  async plugin(print) {
    class Counting extends adk.BasePlugin {
      counts = {};

      note(name) {
        this.counts[name] = (this.counts[name] ?? 0) + 1;
      }

      async beforeAgentCallback() {
        this.note('agent');
      }

      async beforeModelCallback() {
        this.note('model');
      }

      async beforeToolCallback({ tool: { name } }) {
        this.note(name);
      }

      async onToolErrorCallback({ error }) {
        this.note(error.message);
        return { recovered: true };
      }
    }
    const counting = new Counting('counting');
    const flaky = tool('flaky', () => Promise.reject(new Error('no')));
    const agent = agentOf('counted', [[call('p1', {}, 'flaky')], [text('over')]], { tools: [flaky] });
    print({ ...(await converse(agent, 'Go.', { plugins: [counting] })), counts: counting.counts });
  },

  /** A tool that takes long, and is heard of later. */
  async reimbursement(print) {
    const ask = new adk.LongRunningFunctionTool({
      name: 'ask_for_approval',
      description: 'Asks',
      parameters: z.object({ amount: z.number() }),
      execute: ({ amount }) => ({ status: 'pending', amount, ticket: 't1' }),
    });
    const agent = agentOf('reimbursement', [[call('r1', { amount: 200 }, 'ask_for_approval')], [text('Waiting.')]], { tools: [ask] });
    print(await converse(agent, 'Reimburse 200.'));
  },
};

for (const [program, show] of Object.entries(programs)) await show((line) => console.log(JSON.stringify(ids({ program, ...line }))));
