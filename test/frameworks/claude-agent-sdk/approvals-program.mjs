import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { audited } from '@agent-custody/instrumentation';
import { call, fakeAnthropic, text } from '../../../packages/instrumentation/test/fixtures/fake-anthropic.mjs';

/**
 * Who may say that a call runs, and with which input, in all the ways that the Claude Agent SDK has; with the real native program.
 * Prints what an application observes, and which files the tools left.
 */
export async function run(sdk, z, only) {
  const parts = [asking, hooking, requesting, ruling, changing, delegating, serving, questioning, failing, warming, sparing, deferring];
  for (const part of parts.filter(({ name }) => only === undefined || only.split(',').includes(name))) {
    const folder = mkdtempSync(join(tmpdir(), 'agent-custody-approvals-'));
    const apis = [];
    const prepared = async (steps, options = {}) => {
      const api = await fakeAnthropic(steps, { pick });
      apis.push(api);
      const env = {
        PATH: process.env.PATH,
        HOME: folder,
        CLAUDE_CONFIG_DIR: join(folder, 'config'),
        ANTHROPIC_BASE_URL: api.url,
        ANTHROPIC_API_KEY: 'none',
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      };
      return { cwd: folder, env, model: 'claude-x', settingSources: [], ...options };
    };
    const ask = async (steps, options, prompt = 'Go.') => sdk.query({ prompt, options: await prepared(steps, options) });
    const print = (line) => console.log(JSON.stringify({ part: part.name, ...line }));
    await part({ ask, prepared, print, sdk, z, folder });
    print({
      files: readdirSync(folder)
        .filter((name) => !name.startsWith('.') && name !== 'config')
        .sort(),
    });
    for (const api of apis) api.close();
    try {
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    } catch {
      // A program that is on its way out may still be writing: the folder is in the temporary one.
    }
  }
}

/** Sub-agents have a conversation of their own. */
const pick = (body) => (JSON.stringify(body.messages[0]).includes('as a helper') ? 'helper' : 'main');
const bash = (id, command) => call(id, 'Bash', { command, description: 'Runs it' });
const shown = (content) => (typeof content === 'string' ? content.split('\n')[0].slice(0, 18) : content?.[0]?.text?.slice(0, 20));
const before = (fields) => ({ hookSpecificOutput: { hookEventName: 'PreToolUse', ...fields } });
const allow = (updatedInput) => ({ behavior: 'allow', updatedInput });
const deny = (message) => ({ behavior: 'deny', message });
const touch = (name) => ({ command: `touch ${name}`, description: 'Changed' });

async function readAll(query) {
  const results = {};
  let end;
  for await (const message of query) {
    if (message.type === 'result') end = [message.subtype, message.permission_denials?.map(({ tool_use_id }) => tool_use_id)];
    if (message.type !== 'user' || !Array.isArray(message.message?.content)) continue;
    for (const block of message.message.content)
      if (block.type === 'tool_result') results[block.tool_use_id] = [block.is_error === true, shown(block.content)];
  }
  return { results, end };
}

/** `canUseTool`: asked for what no rule allows. */
async function asking({ ask, print }) {
  const asked = [];
  const canUseTool = async (_name, input, { toolUseID }) => {
    asked.push(toolUseID);
    await sleep(toolUseID === 'a6' ? 1 : 30);
    if (toolUseID === 'a3') return deny('not this');
    if (toolUseID === 'a4') return allow(touch('edited'));
    return allow(input);
  };
  const steps = [
    [text('Trying.'), bash('a1', 'touch one'), bash('a2', 'echo safe')],
    [bash('a3', 'touch three')],
    [bash('a4', 'touch four')],
    [bash('a5', 'touch five'), bash('a6', 'touch six')],
    [text('Done.')],
  ];
  const seen = await readAll(await ask(steps, { canUseTool }));
  print({ ...seen, asked });
}

/** The application's own hooks change what runs, put it to `canUseTool`, or refuse it. */
async function hooking({ ask, print }) {
  const asked = [];
  const canUseTool = async (_name, input, { toolUseID }) => {
    asked.push([toolUseID, input.command]);
    return allow(input);
  };
  const first = async ({ tool_use_id: id }) => {
    if (id === 'h1') return before({ permissionDecision: 'allow', updatedInput: touch('by-hook') });
    if (id === 'h2') return before({ updatedInput: touch('by-hook-and-human') });
    if (id === 'h3') return before({ permissionDecision: 'deny', permissionDecisionReason: 'no' });
    if (id === 'h4') return before({ permissionDecision: 'ask' });
    if (id === 'h5') await sleep(150);
    return id === 'h5' ? before({ permissionDecision: 'allow', updatedInput: touch('slowest') }) : {};
  };
  const second = async ({ tool_use_id: id }) =>
    id === 'h5' ? before({ permissionDecision: 'allow', updatedInput: touch('quickest') }) : {};
  const steps = [
    [bash('h1', 'touch h1')],
    [bash('h2', 'touch h2')],
    [bash('h3', 'touch h3')],
    [bash('h4', 'echo h4')],
    [bash('h5', 'touch h5')],
    [text('Done.')],
  ];
  const hooks = { PreToolUse: [{ matcher: 'Bash', hooks: [first, second] }] };
  print({ ...(await readAll(await ask(steps, { canUseTool, hooks }))), asked });
}

/** Hooks that are asked at the same time as `canUseTool`; the first to decide has its way. */
async function requesting({ ask, print }) {
  const asked = [];
  const canUseTool = async (_name, input, { toolUseID, signal }) => {
    asked.push(toolUseID);
    if (toolUseID !== 'q4' && toolUseID !== 'q5') await sleep(60_000, undefined, { signal }).catch(() => undefined);
    return allow(input);
  };
  const decision = (fields) => ({ hookSpecificOutput: { hookEventName: 'PermissionRequest', decision: fields } });
  const request = async (_input, id) => {
    if (id === 'q1') return decision({ behavior: 'allow' });
    if (id === 'q2') return decision({ behavior: 'allow', updatedInput: touch('by-request') });
    if (id === 'q3') return decision({ behavior: 'deny', message: 'not by request' });
    if (id === 'q5') await sleep(300);
    if (id === 'q5') return decision({ behavior: 'deny', message: 'too late' });
    return {};
  };
  const steps = [
    [bash('q1', 'touch q1')],
    [bash('q2', 'touch q2')],
    [bash('q3', 'touch q3')],
    [bash('q4', 'touch q4')],
    [bash('q5', 'sleep 1; touch q5')],
    [text('Done.')],
  ];
  print({ ...(await readAll(await ask(steps, { canUseTool, hooks: { PermissionRequest: [{ hooks: [request] }] } }))), asked });
}

/** What rules and modes decide nobody is asked about. */
async function ruling({ ask, print, folder }) {
  const asked = [];
  const canUseTool = async (_name, input, { toolUseID }) => {
    asked.push(toolUseID);
    return allow(input);
  };
  const write = (id) => call(id, 'Write', { file_path: join(folder, id), content: id });
  const modes = [
    ['r1', { permissionMode: 'acceptEdits' }],
    ['r2', { permissionMode: 'bypassPermissions', allowDangerouslySkipPermissions: true, extraArgs: {} }],
    ['r3', { permissionMode: 'dontAsk' }],
    ['r4', { allowedTools: ['Write'] }],
  ];
  for (const [id, options] of modes) {
    // The native program does not let root off all permissions.
    if (id === 'r2' && process.getuid?.() === 0) continue;
    print({ ...(await readAll(await ask([[write(id)], [text('Done.')]], { canUseTool, ...options }))), asked });
  }
}

/** A hook from a settings file is a command of the program's own: what it changes is seen when it is put to somebody, or has run. */
async function changing({ ask, print, folder }) {
  const answer = JSON.stringify(before({ updatedInput: touch('by-settings') }));
  const settings = { hooks: { PreToolUse: [{ matcher: 'Bash', hooks: [{ type: 'command', command: `echo '${answer}'` }] }] } };
  const file = join(folder, '.claude/settings.json');
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(settings));
  const canUseTool = async (_name, input) => allow(input);
  const options = { settingSources: ['project'] };
  const steps = (id) => [[bash(id, `touch ${id}`)], [text('Done.')]];
  print(await readAll(await ask(steps('s1'), { ...options, canUseTool })));
  print(await readAll(await ask(steps('s2'), { ...options, allowedTools: ['Bash'] })));
}

/** The calls of a sub-agent are asked about, too. */
async function delegating({ ask, print }) {
  const canUseTool = async (_name, input, { toolUseID }) => (toolUseID === 'd3' ? deny('not for helpers') : allow(input));
  const agent = { description: 'Helps', prompt: 'You help.', tools: ['Bash'] };
  const task = call('d1', 'Task', { description: 'helps', prompt: 'Act as a helper.', subagent_type: 'helper' });
  const steps = {
    main: [[text('Delegating.'), task], [text('Done.')]],
    helper: [[bash('d2', 'touch helped')], [bash('d3', 'touch never')], [text('Helped.')]],
  };
  const { results } = await readAll(await ask(steps, { agents: { helper: agent }, canUseTool, allowedTools: ['Task', 'Agent'] }));
  print({ d2: results.d2, d3: results.d3 });
}

/** A tool of a server in this process gets what was said, inside the action that was recorded with it. */
async function serving({ ask, print, sdk, z }) {
  const look = audited('look', async (id) => `row ${id}`);
  const handler = async ({ id }) => ({ content: [{ type: 'text', text: await look(id) }] });
  const rows = sdk.createSdkMcpServer({ name: 'rows', tools: [sdk.tool('find', 'Finds a row', { id: z.number() }, handler)] });
  const canUseTool = async (_name, { id }) => allow({ id: id + 1 });
  print(await readAll(await ask([[call('v1', 'mcp__rows__find', { id: 4 })], [text('Found.')]], { mcpServers: { rows }, canUseTool })));
}

/** A question to the user is a tool whose answers are what it runs with. */
async function questioning({ ask, print }) {
  const options = ['Red', 'Blue'].map((label) => ({ label, description: label }));
  const questions = [{ question: 'Which?', header: 'Colour', options, multiSelect: false }];
  const canUseTool = async (_name, input) => allow({ ...input, answers: { 'Which?': 'Blue' } });
  print(await readAll(await ask([[call('u1', 'AskUserQuestion', { questions })], [text('Done.')]], { canUseTool })));
}

/** Whoever is asked may fail, or not answer in time. */
async function failing({ ask, print }) {
  const canUseTool = async (_name, input, { toolUseID }) => {
    if (toolUseID === 'f1') throw new RangeError('nobody there');
    return allow(input);
  };
  let late;
  const waits = async ({ tool_use_id: id }) => {
    if (id !== 'f2') return {};
    await new Promise((resolve) => {
      late = resolve;
    });
    return before({ updatedInput: touch('too-late') });
  };
  const steps = [[bash('f1', 'touch f1')], [bash('f2', 'touch f2')], [text('Done.')]];
  const { results, end } = await readAll(await ask(steps, { canUseTool, hooks: { PreToolUse: [{ timeout: 1, hooks: [waits] }] } }));
  late();
  print({ results, end });
}

/** A program that is started ahead. */
async function warming({ prepared, print, sdk }) {
  const canUseTool = async (_name, input, { toolUseID }) => (toolUseID === 'w2' ? deny('no') : allow(input));
  const ready = await sdk.startup({
    options: await prepared([[bash('w1', 'touch w1')], [bash('w2', 'touch w2')], [text('Done.')]], { canUseTool }),
  });
  print(await readAll(ready.query('Go.')));
}

/** From 0.3: a program that is started before it is known what for. */
async function sparing({ prepared, print, sdk, folder }) {
  if (sdk.prewarm === undefined) return;
  const canUseTool = async (_name, input) => allow(input);
  const { cwd, ...options } = await prepared([[text('Going.'), bash('p1', 'touch p1')], [text('Done.')]], { canUseTool });
  const spare = await sdk.prewarm({ options });
  print(await readAll(spare.claim({ prompt: 'Go.', options: { cwd } })));
  await spare.claimed;
  print({ there: existsSync(join(folder, 'p1')) });
}

/** A hook puts a call off; another query takes it up, and asks the hook again. */
async function deferring({ prepared, print, sdk }) {
  // Version 0.2 takes it up before it knows of any hook, or after, as it comes.
  if (sdk.prewarm === undefined) return;
  const asked = [];
  let put = true;
  const defers = async ({ tool_use_id: id }) => {
    asked.push(id);
    return before({ permissionDecision: put ? 'defer' : 'allow' });
  };
  const hooks = { PreToolUse: [{ hooks: [defers] }] };
  const steps = [[text('Later.'), bash('e1', 'touch e1')], [text('Done.')]];
  const options = await prepared(steps, { hooks });
  let session;
  const first = sdk.query({ prompt: 'Go.', options });
  const seen = [];
  for await (const message of first) {
    session ??= message.session_id;
    if (message.type === 'result') seen.push([message.subtype, message.terminal_reason, message.deferred_tool_use?.id]);
  }
  print({ seen, asked });
  put = false;
  print({ ...(await readAll(sdk.query({ prompt: '', options: { ...options, resume: session } }))), asked });
}
