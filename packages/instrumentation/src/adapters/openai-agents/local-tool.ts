import { runAction } from '../../action.js';
import { guarded } from '../../errors.js';
import type { Refusal } from '../../guard.js';
import type { ActionCall, ActionStatus } from '../../types.js';
import { patchesEnabled } from '../arming.js';
import { patchInherited } from '../patching.js';
import { approvalsOf, type PendingCall, settleUnrun } from './approvals.js';
import { currentRun, originOf } from './run.js';
import { callIdOf, isRecord, type Method, type RunContext, recordsIn, type Tool } from './types.js';

type Export = (...args: never[]) => unknown;
type Described = Omit<ActionCall<unknown>, 'approvals'>;

/** One of the two kinds of tools that run on the agent's machine by an object of the application's. */
interface Kind {
  /** Under which the tool is handed over with each call. */
  readonly key: 'shell' | 'applyPatch';
  /** What its object is handed: the call is known by this very object. */
  readonly part: 'action' | 'operation';
  readonly implementation: 'shell' | 'editor';
  readonly methods: readonly string[];
  statusOf(result: unknown): ActionStatus;
  refused(refusal: Refusal): unknown;
}

export const SHELL: Kind = {
  key: 'shell',
  part: 'action',
  implementation: 'shell',
  methods: ['run'],
  statusOf: (result) => (outcomesIn(result).includes('timeout') ? 'timeout' : 'ok'),
  refused: ({ message }) => ({ output: [{ stdout: '', stderr: message, outcome: { type: 'exit', exitCode: null } }] }),
};

export const APPLY_PATCH: Kind = {
  key: 'applyPatch',
  part: 'operation',
  implementation: 'editor',
  methods: ['createFile', 'updateFile', 'deleteFile'],
  statusOf: (result) => (isRecord(result) && result['status'] === 'failed' ? 'error' : 'ok'),
  refused: ({ message }) => ({ status: 'failed', output: message }),
};

function outcomesIn(result: unknown): unknown[] {
  return recordsIn(isRecord(result) ? result['output'] : undefined).map(({ outcome }) => isRecord(outcome) && outcome['type']);
}

interface UnderWay {
  readonly pending: PendingCall;
  readonly kind: Kind;
}

const underWay = new WeakMap<object, UnderWay>();

/**
 * Wraps `executeShellActions` and `executeApplyPatchOperations`. What is recorded is the method of the application's object, after
 * the framework's approval flow; the tool and the object stay the very ones that the application's hooks know.
 */
export function observedLocalTool(kind: Kind): (original: Export) => Method {
  return (original) =>
    async function (this: unknown, ...args) {
      const execute = (): unknown => Reflect.apply(original, this, args as never[]);
      const run = currentRun();
      if (!patchesEnabled() || run === undefined) return execute();
      const [agent, actions, , context] = args as [unknown, unknown, unknown, RunContext];
      const pending = guarded('observing tool calls', () => recordsIn(actions).flatMap((one) => prepare(one, kind, agent, context))) ?? [];
      try {
        return await run.scope.enter(execute);
      } finally {
        settleUnrun(pending, (call) => describe(call, kind), run);
      }
    };
}

function prepare(one: Readonly<Record<string, unknown>>, kind: Kind, agent: unknown, context: RunContext): PendingCall[] {
  const { toolCall: item, [kind.key]: tool } = one;
  if (!isRecord(item) || !isRecord(tool)) return [];
  const pending = { agent, context, toolName: (tool as unknown as Tool).name, item, functionTool: false };
  const implementation = tool[kind.implementation];
  if (isRecord(implementation)) for (const method of kind.methods) patchInherited(implementation, method, recorded);
  const part = item[kind.part];
  if (isRecord(part)) underWay.set(part, { pending, kind });
  return [pending];
}

function recorded(original: Method): Method {
  return function (this: unknown, ...args) {
    const execute = (): unknown => Reflect.apply(original, this, args);
    const [part] = args;
    const found = isRecord(part) ? underWay.get(part) : undefined;
    if (!isRecord(part) || found === undefined) return execute();
    underWay.delete(part);
    const { pending, kind } = found;
    const call = guarded('describing a tool call', () => ({ ...describe(pending, kind), approvals: approvalsOf(pending) }));
    return call === undefined ? execute() : runAction(call, execute);
  };
}

function describe({ toolName, item }: PendingCall, kind: Kind): Described {
  return {
    tool: { name: toolName, type: 'function', callId: callIdOf(item) },
    arguments: item[kind.part],
    awaited: 'promise',
    ...originOf(item),
    statusOf: kind.statusOf,
    refused: kind.refused,
  };
}
