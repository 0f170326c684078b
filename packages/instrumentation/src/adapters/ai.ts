import { runAction } from '../action.js';
import { guarded } from '../errors.js';
import type { ActionCall } from '../types.js';
import { type Adapter, type Exports, PROBE_TOOL, target } from './adapter.js';
import { observeOptions, runAgent, runStreamingAgent } from './ai/agent.js';
import { approvalsOf } from './ai/approvals.js';
import { listenToEvents, recordedByEvents } from './ai/events.js';
import { probeAi } from './ai/probe.js';
import { type AgentRun, callInMessages, currentRun } from './ai/run.js';
import { observedCaller } from './ai/tool-callers.js';
import type { Execute, RunOptions, ToolExecution } from './ai/types.js';
import { patchesEnabled, runOptions } from './arming.js';
import { patchExports, patchMethod } from './patching.js';

type Method = (this: unknown, ...args: unknown[]) => unknown;
type Resolve = (name: string) => unknown;

/** The file that is the main export, by version; from 7 on there are ES modules alone. */
const MAINS = [
  { file: 'dist/index.mjs', module: true, ai: '>=5 <7', utils: '>=3 <5' },
  { file: 'dist/index.js', module: false, ai: '>=5 <7', utils: '>=3 <5' },
  { file: 'dist/index.js', module: true, ai: '>=7 <8', utils: '>=5 <6' },
];

/**
 * The Vercel AI SDK, `ai` 5, 6 and 7. Tools run through `executeTool` of @ai-sdk/provider-utils and through nothing else, which is
 * where intent and outcome are recorded; what the model is sent and why it asks is read from the models of each run. Neither hangs
 * on the SDK's telemetry, which 7 lets each call switch off. generateObject and streamObject run no tools and are left alone.
 */
export const aiAdapter: Adapter = {
  name: 'ai',
  marks: [/["'`]ai\.(?:generate|stream)Text/, /AI_InvalidToolInputError/],
  arm: listenToEvents,
  probe: (load) => probeAi(load, PROBE_TOOL),
  targets: [
    ...MAINS.map(({ file, module, ai }) =>
      target({ packageName: 'ai', versions: [ai], file, module, main: true, classesOnly: false, patch: patchRuns }),
    ),
    ...MAINS.map(({ file, module, utils }) =>
      target({ packageName: '@ai-sdk/provider-utils', versions: [utils], file, module, main: true, classesOnly: false, patch: patchTools }),
    ),
  ],
};

/** `ai`: what opens a run. */
function patchRuns(exports: Exports): Exports | undefined {
  const resolve = modelsByName(exports);
  // The agents call generateText inside the module, past the export: their methods are patched for themselves.
  for (const name of ['ToolLoopAgent', 'Experimental_Agent']) patchAgent(exports[name], resolve);
  const unseen = 'experimental_streamTextLowMemory';
  return patchExports(exports, {
    generateText: (original) => run(original, runWhole, resolve),
    streamText: (original) => run(original, runStreamed, resolve),
    ...(unseen in exports && { [unseen]: (original: Original) => run(original, runStreamingAgent, resolve) }),
  });
}

type Runner = typeof runStreamingAgent;
type Original = (...args: never[]) => unknown;

function run(original: Original, runner: Runner, resolve: Resolve): Method {
  return function (this: unknown, ...args) {
    const options = args[0] as RunOptions | undefined;
    if (!patchesEnabled() || typeof options !== 'object' || options === null) return Reflect.apply(original, this, args as never[]);
    return runner(runOptions(), options.abortSignal, (agentRun, tapped) => {
      const seen = guarded('observing an agent run', () => observeOptions(options, agentRun, resolve)) ?? options;
      return Reflect.apply(original, this, [tapped(seen), ...args.slice(1)] as never[]);
    });
  };
}

const untapped = <O>(options: O): O => options;
const runWhole: Runner = (options, signal, fn) => runAgent(options, signal, (agentRun) => fn(agentRun, untapped));
const runStreamed: Runner = (options, signal, fn) => runStreamingAgent(options, signal, (agentRun) => fn(agentRun, untapped));

/** ToolLoopAgent (ai 6) prepares its call in a method that subclasses share; Experimental_Agent (ai 5) merges settings and options. */
function patchAgent(agent: unknown, resolve: Resolve): void {
  const prepares = patchMethod<Method>(
    agent,
    'prepareCall',
    (original) =>
      async function (this: unknown, ...args) {
        const prepared = await Reflect.apply(original, this, args);
        const agentRun = currentRun();
        if (agentRun === undefined || typeof prepared !== 'object' || prepared === null) return prepared;
        return guarded('observing an agent', () => observeOptions(prepared as RunOptions, agentRun, resolve)) ?? prepared;
      },
  );
  const method =
    (runner: Runner) =>
    (original: Method): Method =>
      function (this: unknown, ...args) {
        if (!patchesEnabled()) return Reflect.apply(original, this, args);
        const options = args[0] as RunOptions | undefined;
        return runner(runOptions(), options?.abortSignal, (agentRun) => {
          const seen = prepares ? undefined : guarded('observing an agent', () => mergedOptions(this, options, agentRun, resolve));
          return Reflect.apply(original, this, seen === undefined ? args : [seen, ...args.slice(1)]);
        });
      };
  patchMethod<Method>(agent, 'generate', method(runWhole));
  patchMethod<Method>(agent, 'stream', method(runStreamed));
}

/** What the agent's settings say that the options do not is observed too: the options of a call override the settings. */
function mergedOptions(agent: unknown, options: RunOptions | undefined, agentRun: AgentRun, resolve: Resolve): RunOptions {
  const { settings } = agent as { settings?: RunOptions };
  const { model, prepareStep, experimental_prepareStep, experimental_repairToolCall } = { ...settings, ...options };
  const own = { model, prepareStep, experimental_prepareStep, experimental_repairToolCall };
  agentRun.calls.offers({ ...settings, ...options }.tools);
  const named = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
  return { ...options, ...observeOptions(named, agentRun, resolve) };
}

/** As the framework resolves a model that is given by name. */
function modelsByName(exports: Exports): Resolve {
  return (name) => {
    const { AI_SDK_DEFAULT_PROVIDER: chosen } = globalThis as { AI_SDK_DEFAULT_PROVIDER?: unknown };
    const provider = (chosen ?? exports['gateway']) as { languageModel?: (name: string) => unknown } | undefined;
    return provider?.languageModel?.(name);
  };
}

/** `@ai-sdk/provider-utils`: what runs a tool, and, in 7, what lets a tool call others past it. */
function patchTools(exports: Exports): Exports | undefined {
  const caller = 'experimental_getToolCaller';
  return patchExports(exports, {
    executeTool: (original) =>
      function (this: unknown, ...args: unknown[]) {
        const execution = args[0] as ToolExecution | undefined;
        const seen = patchesEnabled() ? guarded('observing a tool call', () => observeExecution(execution)) : undefined;
        return Reflect.apply(original, this, (seen === undefined ? args : [seen, ...args.slice(1)]) as never[]);
      },
    ...(caller in exports && { [caller]: observedCaller }),
  });
}

/** `execute` is what is wrapped, so that whatever else the framework does around it stays its own. */
function observeExecution(execution: ToolExecution | undefined): ToolExecution | undefined {
  const { tool } = execution ?? {};
  const execute = tool ? tool.execute : execution?.execute;
  if (execution === undefined || typeof execute !== 'function' || typeof execution.options?.toolCallId !== 'string') return undefined;
  if (recordedByEvents(execution.input)) return undefined;
  const call = describe(execute, execution);
  const recorded: Execute = (input, options) =>
    runAction({ ...call, arguments: input }, () => Reflect.apply(execute, tool, [input, options]) as unknown);
  // In 7 the tool comes whole, and is the `this` of its function.
  return tool ? { ...execution, tool: { ...tool, execute: recorded } } : { ...execution, execute: recorded };
}

function describe(execute: Execute, { input, options }: ToolExecution): ActionCall<unknown> {
  const callId = options.toolCallId;
  const agentRun = currentRun();
  const asked = agentRun?.toolNames.get(callId);
  const earlier = asked === undefined ? callInMessages(options) : undefined;
  return {
    tool: { name: asked ?? earlier?.name ?? 'unknown', type: 'function', callId },
    arguments: input,
    reason: earlier?.utterance.reason(),
    session: agentRun?.session,
    approvals: approvalsOf(options, agentRun),
    signal: options.abortSignal,
    // What came with the conversation was asked for in an earlier run.
    requested: earlier === undefined && agentRun?.calls.requested,
    awaited: isGenerator(execute) ? 'iterator' : 'promise',
  };
}

/** Its yields are preliminary results; the framework takes a promise from every other function. */
function isGenerator(execute: unknown): boolean {
  return Object.prototype.toString.call(execute) === '[object AsyncGeneratorFunction]';
}
