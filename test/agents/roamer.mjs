// An agent that does what its seed says, and no two seeds alike: nested sessions, parallel calls, model runs and streams of every
// ending, MCP calls, workers and child processes. A tool writes its task to the journal when it runs: what is in the journal was
// announced by an intent, whatever happened to the process afterwards.
//
//   node --import @agent-custody/instrumentation/register roamer.mjs SEED ENDING
//
// SEED: `7`, or `7.2` for the second child of seed 7. ENDING: see `endings`.

import { fork } from 'node:child_process';
import cluster from 'node:cluster';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { audited, session } from '@agent-custody/instrumentation';
import { context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { dieInside, planOf } from './roamer-plan.mjs';

const file = fileURLToPath(import.meta.url);
const [seed, ending] = isMainThread ? process.argv.slice(2) : [workerData.seed, 'return'];
const { ROAMER_JOURNAL, ROAMER_MEMORY, ROAMER_PARENT, CUSTODY_OWNER } = process.env;
const memory = ROAMER_MEMORY && isMainThread ? { memory: () => readFileSync(ROAMER_MEMORY, 'utf8'), memoryStore: ROAMER_MEMORY } : {};

const journal = (task) => appendFileSync(ROAMER_JOURNAL, `${CUSTODY_OWNER} ${task}\n`);
const ran = (task) => {
  journal(task);
  dieInside(task, ending);
};
const ERRORS = {
  error: () => new TypeError('no'),
  abort: () => new DOMException('stopped', 'AbortError'),
  timeout: () => new DOMException('slow', 'TimeoutError'),
};
/** What tools are called with now and then. */
const ODD = {
  plain: undefined,
  lossy: { big: 10n, map: new Map([['a', new Set([1])]]), when: new Date(0), self: () => 1 },
  surrogate: '\ud800 broken',
  large: 'x'.repeat(20_000),
};

const detached = [];
const children = [];
const unread = [];

const work = audited(
  'work',
  async ({ task, ms, ends, inside }) => {
    ran(task);
    await pause(ms);
    await runAll(inside);
    if (ends !== 'ok') throw ERRORS[ends]();
    return { task };
  },
  { reason: ({ task }) => `the plan says ${task}`, arguments: ({ task, odd }) => ({ task, odd: ODD[odd] }) },
);
const count = audited('count', async function* ({ task, to }) {
  ran(task);
  for (let i = 0; i < to; i++) yield i;
});
const remember = audited('remember', async ({ task }) => {
  ran(task);
  if (ROAMER_MEMORY && isMainThread) writeFileSync(ROAMER_MEMORY, task);
});
const delegate = audited('delegate', async ({ task, how, child }) => {
  ran(task);
  const carrier = {};
  propagation.inject(context.active(), carrier);
  const env = { ...process.env, ROAMER_PARENT: JSON.stringify(carrier), CUSTODY_OWNER: `${CUSTODY_OWNER}/${how}`, ROAMER_MEMORY: '' };
  await (how === 'worker' ? inWorker(child, env) : inProcess(child, env, how));
});

function inWorker(child, env) {
  const worker = new Worker(file, { workerData: { seed: child }, env });
  children.push(worker);
  return new Promise((resolve) => worker.once('exit', resolve));
}

function inProcess(child, env, how) {
  if (how === 'cluster') cluster.setupPrimary({ exec: file, args: [child, 'return'] });
  const started = how === 'cluster' ? cluster.fork(env) : fork(file, [child, 'return'], { env });
  return new Promise((resolve) => started.once('exit', resolve));
}

/** Loaded when first needed: most runs need neither, and each costs a part of a second. */
const frameworks = {
  ai: () => import('./roamer-model.mjs').then(({ modelRuns }) => modelRuns(ran)),
  mcp: () => import('./roamer-mcp.mjs').then(({ mcpClient }) => mcpClient(ran)),
};
const loaded = new Map();
function framework(name) {
  if (!loaded.has(name)) loaded.set(name, frameworks[name]());
  return loaded.get(name);
}

const steps = {
  call: (step) => work(step).catch(() => undefined),
  async count(step) {
    let read = 0;
    for await (const _ of count(step)) if (++read >= step.read) break;
  },
  parallel: ({ inside }) => Promise.all(inside.map(run)),
  session: ({ inside }) => session(memory, () => runAll(inside)),
  detach: ({ inside }) => void detached.push(runAll(inside)),
  span: ({ inside }) =>
    trace.getTracer('roamer').startActiveSpan('own work', async (span) => {
      await runAll(inside);
      span.end();
    }),
  remember,
  delegate,
  model: async (step) => (await framework('ai'))(step, unread),
  mcp: async ({ tasks }) => {
    const client = await framework('mcp');
    await Promise.all(tasks.map((task) => client.callTool({ name: 'echo', arguments: { task } }).catch(() => undefined)));
  },
};

const run = (step) => steps[step.do](step);
async function runAll(plan) {
  for (const step of plan) await run(step);
}

const endings = {
  return: undefined,
  exit: () => process.exit(7),
  throw: () => {
    throw new Error('thrown by plan');
  },
  reject: () => void Promise.reject(new Error('rejected by plan')),
  term: () => process.kill(process.pid, 'SIGTERM'),
  /** By the plan's own hand, inside a tool: {@link dieInside}. */
  kill: undefined,
  /** By whoever started it. */
  killed: undefined,
};

const plan = planOf(seed, ending);
if (endings[ending]) setTimeout(endings[ending], plan.endsAfterMs);
const parent = ROAMER_PARENT ? propagation.extract(ROOT_CONTEXT, JSON.parse(ROAMER_PARENT)) : ROOT_CONTEXT;
await context.with(parent, () => session({ principal: 'alice@example.com', ...memory }, () => runAll(plan.steps)));
await Promise.allSettled(detached);
if (loaded.has('mcp')) await (await framework('mcp')).close();
if (cluster.isWorker) process.disconnect();
