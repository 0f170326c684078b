import { runAction } from '../../action.js';
import { guarded } from '../../errors.js';
import type { ActionCall } from '../../types.js';
import { patchesEnabled } from '../arming.js';
import { recordDenied } from '../denied.js';
import { patchInherited, patchProperty } from '../patching.js';
import { confirmationOf } from './confirmation.js';
import { type AdkRun, adkRuns } from './run.js';
import { isRecord, type Method, signalOf, type ToolCall, textOf } from './types.js';

/** A call on its way from the plugins to its tool. */
interface Pending extends ToolCall {
  readonly run: AdkRun | undefined;
  /** What a human said about this very call; undefined where nobody was asked, or has answered yet. */
  readonly confirmed: boolean | undefined;
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
  // Before the plugins have their say: one that asked for the confirmation takes it out of the context.
  pending.set(toolContext, { tool, toolContext, run: adkRuns.get(), confirmed: confirmationOf(tool, toolContext) });
}

/**
 * Wraps `PluginManager.runAfterToolCallback`: what has not run by now was answered by a callback, did not fit, was denied by a human, or
 * waits for one.
 */
export function observedAfterTool(original: Method): Method {
  return function (this: unknown, ...args) {
    guarded('looking at what was run', () => {
      const { toolContext, toolArgs } = args[0] as ToolCall & { readonly toolArgs?: unknown };
      const left = take(toolContext);
      if (left) settleUnrun(left, toolArgs);
    });
    return Reflect.apply(original, this, args);
  };
}

function settleUnrun(call: Pending, input: unknown): void {
  if (call.confirmed === false) recordDenied(() => described(call, input));
  const callId = textOf(call.toolContext.functionCallId);
  if (callId !== undefined) call.run?.forgo([callId]);
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
  call.run?.executed(textOf(call.toolContext.functionCallId));
  // A tool that asks from within is called again whatever the answer, and deals with it itself: the answer is one record, the call another.
  if (call.confirmed === false) recordDenied(() => described(call, input));
  return runAction({ ...described(call, input), approvals: call.confirmed === true ? [{ decision: 'approved' }] : [] }, execute);
}

function described({ tool, toolContext, run }: Pending, input: unknown): ActionCall<unknown> {
  const callId = textOf(toolContext.functionCallId);
  return {
    tool: { name: tool.name, type: 'function', callId },
    arguments: input,
    ...(run && { session: run.session, reason: run.takenUp.reasonOf(tool.name, callId) }),
    signal: signalOf(toolContext),
    awaited: 'promise',
  };
}
