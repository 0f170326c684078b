import { runAction } from '../../action.js';
import { guarded } from '../../errors.js';
import type { ActionCall, ActionStatus } from '../../types.js';
import { patchesEnabled } from '../arming.js';
import { approvalsOf, type PendingCall, settleUnrun } from './approvals.js';
import { currentRun, originOf } from './run.js';
import { type CallItem, callIdOf, type FunctionRun, type Invocation, isRecord, type Method, parsed, type RunState } from './types.js';

/** How the function of a tool fared: the framework makes a text of what it throws, and of a timeout. */
interface Execution {
  entered: boolean;
  failed: boolean;
  signal: AbortSignal | undefined;
}

const executions = new WeakMap<object, Execution>();
const pendingCalls = new WeakMap<object, PendingCall>();
/** `invoke` of the tools whose function is watched; copies of a tool share it. */
const watched = new WeakSet<object>();

type Export = (...args: never[]) => unknown;

/** Wraps `tool()`: what its function throws would otherwise be a result like any other, since the framework makes a text of it. */
export function observedTool(original: Export): Method {
  return function (this: unknown, options, ...rest) {
    const seen = guarded('observing a tool', () => watch(options)) ?? options;
    const tool: unknown = Reflect.apply(original, this, [seen, ...rest] as never[]);
    if (seen !== options && isRecord(tool) && typeof tool['invoke'] === 'function') watched.add(tool['invoke']);
    return tool;
  };
}

/** A proxy, since the options may be of a class of the application's own. */
function watch(options: unknown): unknown {
  if (!isRecord(options) || typeof options['execute'] !== 'function') return options;
  const execute = options['execute'] as Method;
  const recorded = function (this: unknown, ...args: unknown[]): unknown {
    const execution = executionOf(args[2]);
    const failed = (): void => {
      if (execution) execution.failed = true;
    };
    try {
      const result = Reflect.apply(execute, this, args);
      if (result instanceof Promise) result.catch(failed);
      return result;
    } catch (error) {
      failed();
      throw error;
    }
  };
  Object.defineProperty(recorded, 'name', { value: execute.name, configurable: true });
  return new Proxy(options, {
    get: (target, property) => (property === 'execute' ? recorded : (Reflect.get(target, property, target) as unknown)),
  });
}

function executionOf(details: unknown): Execution | undefined {
  if (!isRecord(details) || !isRecord(details['toolCall'])) return undefined;
  const execution = executions.get(details['toolCall']);
  if (execution === undefined) return undefined;
  execution.entered = true;
  execution.signal = details['signal'] instanceof AbortSignal ? details['signal'] : undefined;
  return execution;
}

/** Wraps `invokeFunctionTool`, through which every function tool runs, those of local MCP servers and of agents as tools too. */
export function recordedInvocation(original: Export): Method {
  return function (this: unknown, ...args) {
    const execute = (): unknown => Reflect.apply(original, this, args as never[]);
    const [invocation] = args;
    const call = patchesEnabled() ? guarded('describing a tool call', () => describe(invocation as Invocation)) : undefined;
    return call === undefined ? execute() : runAction(call, execute);
  };
}

function describe({ tool, input, details }: Invocation): ActionCall<unknown> {
  const item = details?.toolCall;
  const execution: Execution = { entered: false, failed: false, signal: undefined };
  if (item) executions.set(item, execution);
  const pending = item && pendingCalls.get(item);
  return {
    ...described(tool.name, item, input),
    signal: details?.signal,
    awaited: 'promise',
    // An error would end the run; a result tells the model.
    refused: ({ message }) => message,
    approvals: pending ? approvalsOf(pending) : [],
    statusOf: () => statusOf(execution, typeof tool.invoke === 'function' && watched.has(tool.invoke)),
    statusOfError,
  };
}

function described(name: string, item: CallItem | undefined, input: unknown): ActionCall<unknown> {
  const full = typeof item?.namespace === 'string' && item.namespace !== name ? `${item.namespace}.${name}` : name;
  return { tool: { name: full, type: 'function', callId: callIdOf(item) }, arguments: parsed(input), ...originOf(item) };
}

function statusOf({ entered, failed, signal }: Execution, known: boolean): ActionStatus {
  if (isTimeout(signal?.reason)) return 'timeout';
  // A function that was never entered: the input was no JSON, or did not fit.
  return failed || (known && !entered) ? 'error' : 'ok';
}

function statusOfError(error: unknown): ActionStatus | undefined {
  return isTimeout(error) ? 'timeout' : undefined;
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.constructor.name === 'ToolTimeoutError';
}

/** Wraps `executeFunctionToolCalls`: all calls of one response, each of which may wait for an approval. */
export function observedCalls(original: Export): Method {
  return async function (this: unknown, ...args) {
    const execute = (): unknown => Reflect.apply(original, this, args as never[]);
    const [agent, toolRuns, , state] = args as [unknown, FunctionRun[], unknown, RunState];
    const run = currentRun();
    if (!patchesEnabled() || run === undefined) return execute();
    const pending = guarded('observing tool calls', () => toolRuns.map((one) => pendingOf(one, agent, state))) ?? [];
    try {
      return await run.scope.enter(execute);
    } finally {
      settleUnrun(pending, ({ toolName, item }) => described(toolName, item, item.arguments), run);
    }
  };
}

function pendingOf({ toolCall, tool }: FunctionRun, agent: unknown, { _context }: RunState): PendingCall {
  // A guardrail stops a call that was said to begin.
  const announced = (tool.inputGuardrails ?? []).length === 0;
  const pending = { agent, context: _context, toolName: tool.name, item: toolCall, functionTool: true, announced };
  pendingCalls.set(toolCall, pending);
  return pending;
}
