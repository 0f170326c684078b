import { runAction } from '../action.js';
import { guarded } from '../errors.js';
import type { ActionCall } from '../types.js';
import { type Adapter, type Exports, target } from './adapter.js';
import { observeOptions, runAgent, runStreamingAgent } from './ai/agent.js';
import { listenToEvents, recordedByEvents } from './ai/events.js';
import { type AgentRun, callInMessages, currentRun } from './ai/run.js';
import type { RunOptions, ToolExecution } from './ai/types.js';
import { patchesEnabled, runOptions } from './arming.js';
import { patchExports, patchMethod } from './patching.js';

type Method = (this: unknown, ...args: unknown[]) => unknown;
type Resolve = (name: string) => unknown;

/**
 * The Vercel AI SDK, `ai` 5 and 6. Tools run through `executeTool` of @ai-sdk/provider-utils and through nothing else, which is
 * where intent and outcome are recorded; what the model is sent and why it asks is read from the models of each run.
 * generateObject and streamObject run no tools and are left alone.
 */
export const aiAdapter: Adapter = {
  name: 'ai',
  arm: listenToEvents,
  targets: [
    ...['dist/index.mjs', 'dist/index.js'].map((file) =>
      target({ packageName: 'ai', versions: ['>=5 <7'], file, main: true, classesOnly: false, patch: patchRuns }),
    ),
    ...['dist/index.mjs', 'dist/index.js'].map((file) =>
      target({ packageName: '@ai-sdk/provider-utils', versions: ['>=3 <5'], file, main: true, classesOnly: false, patch: patchTools }),
    ),
  ],
};

/** `ai`: what opens a run. */
function patchRuns(exports: Exports): Exports | undefined {
  const resolve = modelsByName(exports);
  // The agents call generateText inside the module, past the export: their methods are patched for themselves.
  for (const name of ['ToolLoopAgent', 'Experimental_Agent']) patchAgent(exports[name], resolve);
  return patchExports(exports, {
    generateText: (original) => run(original, runAgent, resolve),
    streamText: (original) => run(original, runStreamingAgent, resolve),
  });
}

type Runner = typeof runAgent;

function run(original: (...args: never[]) => unknown, runner: Runner, resolve: Resolve): Method {
  return function (this: unknown, ...args) {
    const options = args[0] as RunOptions | undefined;
    if (!patchesEnabled() || typeof options !== 'object' || options === null) return Reflect.apply(original, this, args as never[]);
    return runner(runOptions(), options.abortSignal, (agentRun) => {
      const seen = guarded('observing an agent run', () => observeOptions(options, agentRun, resolve)) ?? options;
      return Reflect.apply(original, this, [seen, ...args.slice(1)] as never[]);
    });
  };
}

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
  patchMethod<Method>(agent, 'generate', method(runAgent));
  patchMethod<Method>(agent, 'stream', method(runStreamingAgent));
}

/** What the agent's settings say that the options do not is observed too: the options of a call override the settings. */
function mergedOptions(agent: unknown, options: RunOptions | undefined, agentRun: AgentRun, resolve: Resolve): RunOptions {
  const { settings } = agent as { settings?: RunOptions };
  const { model, prepareStep, experimental_prepareStep, experimental_repairToolCall } = { ...settings, ...options };
  const own = { model, prepareStep, experimental_prepareStep, experimental_repairToolCall };
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

/** `@ai-sdk/provider-utils`: what runs a tool. */
function patchTools(exports: Exports): Exports | undefined {
  return patchExports(exports, {
    executeTool: (original) =>
      function (this: unknown, ...args: unknown[]) {
        const execution = args[0] as ToolExecution | undefined;
        const seen = patchesEnabled() ? guarded('observing a tool call', () => observeExecution(execution)) : undefined;
        return Reflect.apply(original, this, (seen === undefined ? args : [seen, ...args.slice(1)]) as never[]);
      },
  });
}

/** `execute` is what is wrapped, so that whatever else the framework does around it stays its own. */
function observeExecution(execution: ToolExecution | undefined): ToolExecution | undefined {
  if (typeof execution?.execute !== 'function' || typeof execution.options?.toolCallId !== 'string') return undefined;
  if (recordedByEvents(execution.input)) return undefined;
  const { execute } = execution;
  const call = describe(execution);
  return { ...execution, execute: (input, options) => runAction({ ...call, arguments: input }, () => execute(input, options)) };
}

function describe({ input, options }: ToolExecution): ActionCall<unknown> {
  const callId = options.toolCallId;
  const agentRun = currentRun();
  const asked = agentRun?.toolNames.get(callId);
  const earlier = asked === undefined ? callInMessages(options) : undefined;
  return {
    tool: { name: asked ?? earlier?.name ?? 'unknown', type: 'function', callId },
    arguments: input,
    reason: earlier?.utterance.reason(),
    session: agentRun?.session,
    signal: options.abortSignal,
  };
}
