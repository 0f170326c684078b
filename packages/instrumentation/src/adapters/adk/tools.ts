import { runAction } from '../../action.js';
import { guarded } from '../../errors.js';
import { patchesEnabled } from '../arming.js';
import { patchInherited, patchProperty } from '../patching.js';
import { type AdkRun, adkRuns } from './run.js';
import { isRecord, type Method, signalOf, type ToolCall, textOf } from './types.js';

/** A call on its way from the plugins to its tool. */
interface Pending extends ToolCall {
  readonly run: AdkRun | undefined;
}

/** By the context of the call: it goes along to the tool, and a tool that is called without one of these is called by the application. */
const pending = new WeakMap<object, Pending>();

/**
 * Wraps `PluginManager.runBeforeToolCallback`, which comes right before each tool that a model asked for: the tool at hand, whatever
 * its class, is recorded from then on. A plugin or a callback may still answer in its place.
 */
export function observedBeforeTool(original: Method): Method {
  return function (this: unknown, ...args) {
    if (patchesEnabled()) guarded('observing a tool', () => expect(args[0] as ToolCall));
    return Reflect.apply(original, this, args);
  };
}

function expect({ tool, toolContext }: ToolCall): void {
  // A function is recorded where it runs: after its arguments were checked and a human has agreed, and with the error that it throws.
  if (isFunction(tool)) patchProperty(tool, 'execute', recordedFunction);
  else patchInherited(tool, 'runAsync', recordedTool);
  pending.set(toolContext, { tool, toolContext, run: adkRuns.get() });
}

/** Wraps `PluginManager.runAfterToolCallback`: what has not run by now was answered by a callback, did not fit, or waits for a human. */
export function observedAfterTool(original: Method): Method {
  return function (this: unknown, ...args) {
    guarded('looking at what was run', () => {
      const { toolContext } = args[0] as ToolCall;
      const callId = textOf(toolContext.functionCallId);
      const left = take(toolContext);
      if (left && callId !== undefined) left.run?.forgo([callId]);
    });
    return Reflect.apply(original, this, args);
  };
}

/** Whether the class's own way of running a function is in place, and the function can be replaced: a frozen tool is recorded around it. */
function isFunction(tool: object): boolean {
  if (Object.getOwnPropertyDescriptor(tool, 'execute')?.configurable !== true) return false;
  for (let holder: object | null = tool; holder !== null; holder = Object.getPrototypeOf(holder) as object | null) {
    if (Object.hasOwn(holder, 'runAsync')) return Object.hasOwn(holder, 'validateArgs');
  }
  return false;
}

function take(toolContext: unknown): Pending | undefined {
  const found = isRecord(toolContext) ? pending.get(toolContext) : undefined;
  if (found) pending.delete(found.toolContext);
  return found;
}

/** `execute(input, toolContext)` of one tool. */
function recordedFunction(original: Method): Method {
  return function (this: unknown, ...args) {
    return recorded(take(args[1]), args[0], () => Reflect.apply(original, this, args));
  };
}

/** `runAsync({ args, toolContext })` of a class. */
function recordedTool(original: Method): Method {
  return function (this: unknown, ...args) {
    const request = isRecord(args[0]) ? args[0] : {};
    return recorded(take(request['toolContext']), request['args'], () => Reflect.apply(original, this, args));
  };
}

/** Of whatever is thrown, a refusal included, the framework makes an error that the model reads. */
function recorded(call: Pending | undefined, input: unknown, execute: () => unknown): unknown {
  if (call === undefined) return execute();
  const { tool, toolContext, run } = call;
  const callId = textOf(toolContext.functionCallId);
  run?.executed(callId);
  return runAction(
    {
      tool: { name: tool.name, type: 'function', callId },
      arguments: input,
      ...(run && { session: run.session }),
      signal: signalOf(toolContext),
      awaited: 'promise',
    },
    execute,
  );
}
