import { runAction } from '../../action.js';
import { guarded } from '../../errors.js';
import { ActionDenied } from '../../guard.js';
import { currentSession } from '../../session.js';
import type { ActionCall, ActionStatus } from '../../types.js';
import { patchesEnabled } from '../arming.js';
import { isPatched } from '../patching.js';
import { approvalOf } from './approved.js';
import { expectExecution, wasAsked } from './asked.js';
import { statusOfError } from './errors.js';
import { dedupeKey, refusalMessage } from './tool.js';
import { type Config, type Form, isRecord, isToolCall, messagesIn, type Tool, type ToolCall, type ToolNode } from './types.js';
import { reasonIn } from './words.js';

type Method = (this: unknown, ...args: unknown[]) => unknown;

/**
 * Wraps `ToolNode.runTool` of langchain and of LangGraph. Tools record themselves; what this one adds is the certainty that a call
 * which the node runs is seen executed, and a record of tools that no patched class runs: runnables, classes with an `invoke` of
 * their own, tools of another copy of LangChain.
 */
export function observedToolNode(form: Form): (original: Method) => Method {
  return (original) =>
    function (this: unknown, ...args) {
      const run = (): unknown => Reflect.apply(original, this, args);
      const [call, config, state] = args;
      if (!patchesEnabled() || !isToolCall(call)) return run();
      const node = this as ToolNode;
      const tool = node.tools?.find(({ name }) => name === call.name);
      // A tool that the node does not know is not run, unless a middleware brings one: that one records itself.
      if (tool === undefined) return run();
      const own = guarded('describing a tool call', () =>
        recordsItself(tool) ? undefined : describe(tool, call, config as Config | undefined, state, form),
      );
      return attested(call, node, own === undefined ? run : () => runAction(own, run));
    };
}

/** Prototypes of the framework's own classes that have a `call` of their own, which goes on to the one that is patched. */
const passOn = new WeakSet<object>();

export function passesOn(tool: unknown): void {
  if (typeof tool === 'function') passOn.add(tool.prototype as object);
}

/** Whether it runs by the methods of the framework's classes: `invoke` as they have it, which goes through the `call` that is patched. */
function recordsItself(tool: Tool): boolean {
  for (let holder: unknown = tool; isRecord(holder); holder = Object.getPrototypeOf(holder) as unknown) {
    if (!Object.hasOwn(holder, 'call') || passOn.has(holder)) continue;
    return isPatched(holder['call']) && tool.invoke === holder['invoke'];
  }
  return false;
}

function attested(call: ToolCall, { wrapToolCall }: ToolNode, run: () => unknown): unknown {
  const settled = guarded('expecting a tool call', () => expectExecution(currentSession(), call.id));
  const settle = (excused: boolean): void => void guarded('settling a tool call', () => settled?.(excused));
  const result = run();
  if (!(result instanceof Promise)) return result;
  return result.then(
    (value: unknown) => {
      settle(wrapToolCall !== undefined || statusOf(value) === 'error');
      return value;
    },
    (error: unknown) => {
      settle(true);
      throw error;
    },
  );
}

function describe(tool: Tool, call: ToolCall, config: Config | undefined, state: unknown, form: Form): ActionCall<unknown> {
  const { id: callId, name } = call;
  const session = currentSession();
  const approval = approvalOf(session, callId, name, call.args);
  return {
    tool: { name, type: 'function', callId },
    arguments: call.args,
    reason: callId === undefined || wasAsked(session, callId) ? undefined : reasonIn(messagesIn(state), callId),
    approvals: approval.links,
    signal: config?.signal,
    awaited: 'promise',
    statusOf,
    statusOfError: (error) => {
      approval.threw(error);
      return statusOfError(error, config?.signal);
    },
    refused: (refusal) => {
      if (callId === undefined || form.toolMessage === undefined) throw new ActionDenied(refusal);
      return refusalMessage(refusal, callId, form);
    },
    dedupe: dedupeKey(tool.name, callId),
  };
}

/** The node makes a message of what a tool throws. */
function statusOf(result: unknown): ActionStatus {
  return isRecord(result) && result['status'] === 'error' ? 'error' : 'ok';
}
