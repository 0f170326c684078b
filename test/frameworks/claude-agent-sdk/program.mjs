import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { audited, session } from '@agent-custody/instrumentation';
import { call, text, thought } from '../../../packages/instrumentation/test/fixtures/fake-anthropic.mjs';
import { trace } from '../../../packages/instrumentation/test/fixtures/tracing.mjs';
import { home } from './home.mjs';

/**
 * One program on the Claude Agent SDK that does what applications do, for versions 0.2 and 0.3, with the real native program and a
 * model of our own: it prints what an application can observe and what is the same in every run.
 */
export async function run(sdk, z, only) {
  const parts = [working, delegating, serving, permitting, aborting, interrupting, dying, grouping];
  for (const part of parts.filter(({ name }) => only === undefined || only.split(',').includes(name))) {
    const { folder, model, leave } = home();
    const ask = async (steps, more = {}, prompt = 'Go.') => {
      const { options } = await model(steps, { pick });
      return sdk.query({ prompt, options: { ...options, ...more } });
    };
    const print = (line) => console.log(JSON.stringify({ part: part.name, ...line }));
    /** Runs `then` when the tool has begun. */
    const begun = (then) => {
      const look = setInterval(() => {
        if (!existsSync(join(folder, 'begun'))) return;
        clearInterval(look);
        then();
      }, 20);
    };
    await part({ ask, print, sdk, z, begun });
    leave();
  }
}

/** Sub-agents have a conversation of their own. */
const pick = (body) => (JSON.stringify(body.messages[0]).includes('as a helper') ? 'helper' : 'main');
const bash = (id, command) => call(id, 'Bash', { command, description: 'Runs it' });

/** What is said and what came of the calls, in an order that does not hang on who was faster. */
async function readAll(query, seen = () => undefined) {
  const said = [];
  const results = {};
  let end;
  try {
    for await (const message of query) {
      seen(message);
      if (message.type === 'result') end = [message.subtype, message.is_error];
      if (!Array.isArray(message.message?.content)) continue;
      for (const block of message.message.content) {
        if (block.type === 'text' && message.type === 'assistant') said.push(block.text);
        if (block.type === 'tool_result') results[block.tool_use_id] = [block.is_error === true, shown(block.content)];
      }
    }
  } catch (error) {
    end = ['thrown', error.name];
  }
  return { said, results: Object.fromEntries(Object.entries(results).sort()), end };
}

const shown = (content) => (typeof content === 'string' ? content.split('\n')[0].slice(0, 60) : content?.[0]?.text?.slice(0, 20));

async function working({ ask, print }) {
  const heard = [];
  const hook = async (input) => {
    heard.push([input.hook_event_name, input.tool_use_id]);
    return {};
  };
  const steps = [
    [thought('I have to look.'), text('Looking around.'), bash('w1', 'echo one'), bash('w2', 'exit 3')],
    [thought('Once more.'), call('w3', 'Nope', {}), call('w4', 'Read', { file_path: '/no/such/file' })],
    [text('Done.')],
  ];
  const options = {
    allowedTools: ['Bash', 'Read'],
    systemPrompt: 'You are a tester.',
    hooks: { PreToolUse: [{ matcher: 'Bash', hooks: [hook] }] },
  };
  const query = await ask(steps, options);
  // A slow reader: the reasons are there all the same.
  print({ ...(await readAll(query, () => new Promise((resolve) => setTimeout(resolve, 5)))), heard });
}

async function delegating({ ask, print }) {
  const agent = { description: 'Helps', prompt: 'You help.', tools: ['Bash'] };
  const task = (id) => call(id, 'Task', { description: 'helps', prompt: 'Act as a helper.', subagent_type: 'helper' });
  const steps = {
    main: [[text('Delegating.'), task('d1')], [text('Done.')]],
    helper: [[text('Helping.'), bash('d2', 'echo helped')], [text('Helped.')]],
  };
  const { said, results } = await readAll(await ask(steps, { agents: { helper: agent }, allowedTools: ['Bash', 'Task', 'Agent'] }));
  print({ said: said.includes('Delegating.'), helped: results.d2 });
}

async function serving({ ask, print, sdk, z }) {
  const look = audited('look', async (id) => `row ${id}`);
  const handler = async ({ id }) =>
    trace.getTracer('app').startActiveSpan('inside the tool', async (span) => {
      const found = await look(id);
      span.end();
      return { content: [{ type: 'text', text: found }] };
    });
  const rows = sdk.createSdkMcpServer({ name: 'rows', tools: [sdk.tool('find', 'Finds a row', { id: z.number() }, handler)] });
  const steps = [[text('Finding.'), call('v1', 'mcp__rows__find', { id: 4 })], [text('Found.')]];
  print(await readAll(await ask(steps, { mcpServers: { rows }, allowedTools: ['mcp__rows__find'] })));
}

/** The application has a say of its own. */
async function permitting({ ask, print }) {
  const deny = async (input) =>
    input.tool_use_id === 'h1'
      ? { hookSpecificOutput: { hookEventName: 'PreToolUse', permissionDecision: 'deny', permissionDecisionReason: 'not by my hook' } }
      : {};
  const canUseTool = async (name, input) =>
    name === 'Write' ? { behavior: 'deny', message: 'not with me' } : { behavior: 'allow', updatedInput: input };
  const steps = [
    [text('Trying.'), bash('h1', 'touch one')],
    [call('h2', 'Write', { file_path: '/tmp/never', content: '' })],
    [bash('h3', 'touch three')],
    [text('Done.')],
  ];
  print(await readAll(await ask(steps, { canUseTool, hooks: { PreToolUse: [{ hooks: [deny] }] } })));
}

/** A shell outlives the program that is stopped: it goes when its folder does. */
const forever = 'touch begun; while [ -e begun ]; do sleep 0.2; done';

async function aborting({ ask, print, begun }) {
  const abortController = new AbortController();
  const query = await ask([[text('Waiting.'), bash('a1', forever)]], { abortController, allowedTools: ['Bash'] });
  begun(() => abortController.abort());
  const { said, end } = await readAll(query);
  print({ said, end: end[0] });
}

async function interrupting({ ask, print, begun }) {
  let release;
  const done = new Promise((resolve) => {
    release = resolve;
  });
  async function* prompt() {
    yield { type: 'user', session_id: '', parent_tool_use_id: null, message: { role: 'user', content: 'Go.' } };
    await done;
  }
  const query = await ask([[text('Waiting.'), bash('i1', forever)]], { allowedTools: ['Bash'] }, prompt());
  begun(() => query.interrupt());
  const { said } = await readAll(query, (message) => message.type === 'result' && release());
  print({ said });
}

async function dying({ ask, print }) {
  const query = await ask([[text('Dying.'), bash('k1', 'kill -9 $PPID')]], { allowedTools: ['Bash'] });
  const { said, end } = await readAll(query);
  print({ said, end });
}

/** Two queries in a session that the application opened. */
async function grouping({ ask, print }) {
  await session({ agent: { id: 'grouped' } }, async () => {
    for (const id of ['g1', 'g2'])
      print(await readAll(await ask([[text(`As ${id}.`), bash(id, 'echo g')], [text('Done.')]], { allowedTools: ['Bash'] })));
  });
}
