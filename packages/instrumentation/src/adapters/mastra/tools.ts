import { runAction } from '../../action.js';
import { guarded } from '../../errors.js';
import type { ActionCall, ActionStatus } from '../../types.js';
import { patchesEnabled } from '../arming.js';
import { type MastraRun, mastraRuns } from './run.js';
import { isRecord, type Method, type Tool, type ToolContext, textOf } from './types.js';

/** Tools that are recorded already: a step's are those of the run unless it puts others in their place. */
const recorded = new WeakSet<object>();

/**
 * Wraps `Agent.wrapToolsWithHooks`, which every tool of a run passes, assigned or from memory, workspaces, MCP servers, workflows and
 * other agents, on its way to the loop. What is recorded is inside the application's own hooks: a call that they refuse has not run.
 */
export function recordedTools(original: Method): Method {
  return function (this: unknown, tools, ...rest) {
    const run = patchesEnabled() ? mastraRuns.get() : undefined;
    const seen = patchesEnabled() && isRecord(tools) ? guarded('observing tools', () => recordedSet(tools, run)) : undefined;
    if (seen === undefined) return Reflect.apply(original, this, [tools, ...rest]);
    const hooked: unknown = Reflect.apply(original, this, [seen, ...rest]);
    return (run && isRecord(hooked) && guarded('observing tools', () => excusing(hooked, run))) || hooked;
  };
}

/** The same tools, each one that runs here recorded. */
export function recordedSet(tools: Readonly<Record<string, unknown>>, run: MastraRun | undefined): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(tools).map(([name, tool]) => {
      if (!isTool(tool)) return [name, tool];
      run?.offers(name);
      if (recorded.has(tool)) return [name, tool];
      const { execute } = tool;
      const own = withExecute(tool, (input, context) => execution(name, input, context, run, () => execute(input, context)));
      recorded.add(own);
      return [name, own];
    }),
  );
}

function isTool(tool: unknown): tool is Required<Tool> {
  return isRecord(tool) && typeof tool['execute'] === 'function';
}

/** Of the same class, with everything else as it was: a tool of a step has yet to be made what the loop takes. */
function withExecute(tool: Required<Tool>, execute: Required<Tool>['execute']): object {
  const descriptors = Object.getOwnPropertyDescriptors(tool) as Record<string, PropertyDescriptor>;
  descriptors['execute'] = { value: execute, writable: true, enumerable: true, configurable: true };
  return Object.create(Object.getPrototypeOf(tool) as object, descriptors) as object;
}

/** A hook that answers in the tool's place, or fails, has kept it from running. */
function excusing(tools: Readonly<Record<string, unknown>>, run: MastraRun): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(tools).map(([name, tool]) => {
      if (!isTool(tool) || recorded.has(tool)) return [name, tool];
      const { execute } = tool;
      const excused = async (input: unknown, context?: ToolContext): Promise<unknown> => {
        try {
          return await execute(input, context);
        } finally {
          const callId = callIdOf(context);
          if (callId !== undefined) guarded('looking at what was run', () => run.forgo([callId]));
        }
      };
      return [name, withExecute(tool, excused)];
    }),
  );
}

function execution(
  name: string,
  input: unknown,
  context: ToolContext | undefined,
  run: MastraRun | undefined,
  execute: () => unknown,
): unknown {
  const callId = callIdOf(context);
  const signal = context?.abortSignal instanceof AbortSignal ? context.abortSignal : undefined;
  let wrapped: unknown;
  const call: ActionCall<unknown> = {
    tool: { name, type: 'function', callId },
    arguments: input,
    ...(run && { session: run.session }),
    signal,
    awaited: 'promise',
    statusOf,
  };
  run?.executed(callId);
  const step = async (): Promise<unknown> => {
    try {
      return await execute();
    } catch (error) {
      wrapped = error;
      throw ownError(error);
    }
  };
  const within = (): unknown => runAction(call, step);
  const result = (run ? mastraRuns.enter(run, within) : within()) as Promise<unknown>;
  // The loop gets its own error: what the tool threw is the cause.
  return result.catch((error: unknown) => {
    throw wrapped ?? error;
  });
}

/** The loop gives it as it is, a tool made with `createTool` gets it under `agent`. */
function callIdOf(context: ToolContext | undefined): string | undefined {
  return textOf(context?.toolCallId) ?? textOf(context?.agent?.toolCallId);
}

/** What the framework answers in the place of a tool whose arguments do not fit its schema. */
function statusOf(result: unknown): ActionStatus {
  return isRecord(result) && result['error'] === true && 'validationErrors' in result ? 'error' : 'ok';
}

/** Mastra wraps what a tool throws. */
function ownError(error: unknown): unknown {
  return isRecord(error) && error['id'] === 'TOOL_EXECUTION_FAILED' && error['cause'] instanceof Error ? error['cause'] : error;
}
