import { guarded } from '../../errors.js';
import type { Answer } from '../../guard.js';
import type { ActionCall } from '../../types.js';
import { recordDenied } from '../denied.js';
import type { AgentRun } from './run.js';
import { type CallItem, callIdOf, isRecord, type Method, type RunContext } from './types.js';

/** A call that the runner is about to decide about: by its approval flow, which may ask a human. */
export interface PendingCall {
  readonly agent: unknown;
  readonly context: RunContext;
  readonly toolName: string;
  readonly item: CallItem;
  readonly functionTool: boolean;
  /** The runner says when it begins with this kind of call, and nothing keeps it from running then. */
  readonly announced?: boolean;
}

/** Calls that a runner has said to begin. */
const announced = new WeakSet<object>();

/** Wraps `emit` of runners and agents, by which they tell of a tool that starts. */
export function observedEmit(original: Method): Method {
  return function (this: unknown, ...args) {
    const details = args[0] === 'agent_tool_start' ? args.at(-1) : undefined;
    if (isRecord(details) && isRecord(details['toolCall'])) announced.add(details['toolCall']);
    return Reflect.apply(original, this, args);
  };
}

/** What the framework knows of an approval of this very call, or of all calls of the tool. */
function decisionOn({ agent, context, toolName, item, functionTool }: PendingCall): boolean | undefined {
  const callId = callIdOf(item);
  if (callId === undefined) return undefined;
  const asked = functionTool ? { toolName, callId, agent } : { toolName, callId, functionTool };
  return context.isToolApproved(asked);
}

/** The approval of a call that is about to run. Who gave it the framework does not say. */
export function approvalsOf(pending: PendingCall): Answer['approvals'] {
  return decisionOn(pending) === true ? [{ decision: 'approved' }] : [];
}

/**
 * After the framework has dealt with calls: those that a human denied go on record as such; and whatever did not run, because it
 * waits for an approval, was denied, did not fit its schema, was stopped by a guardrail or an abort, is not waited for any longer. One
 * that the runner began with is: where nobody has seen it run by now, it ran around us.
 */
export function settleUnrun(calls: readonly PendingCall[], describe: (call: PendingCall) => ActionCall<unknown>, run: AgentRun): void {
  for (const pending of calls) {
    const denied = guarded('reading an approval', () => decisionOn(pending)) === false;
    if (denied) run.scope.enter(() => recordDenied(() => describe(pending)));
  }
  const unrun = calls.filter((call) => !call.announced || !announced.has(call.item));
  run.scope.session.forgo(unrun.flatMap(({ item }) => callIdOf(item) ?? []));
}
