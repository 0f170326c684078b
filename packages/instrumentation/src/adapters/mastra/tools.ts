import { runAction } from '../../action.js';
import { guarded } from '../../errors.js';
import type { ActionCall, ActionStatus } from '../../types.js';
import { patchesEnabled } from '../arming.js';
import { delegated } from './decision.js';
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
      const own = changed(tool, { execute: recordedExecute(name, execute, run), onInputAvailable: announced(name, tool, run) });
      recorded.add(own);
      return [name, own];
    }),
  );
}

export function isTool(tool: unknown): tool is Tool & Required<Pick<Tool, 'execute'>> {
  return isRecord(tool) && typeof tool['execute'] === 'function';
}

/** The run at hand: one that goes on in the process in which it stopped has the tools of the one before it. */
function runOf(before: MastraRun | undefined): MastraRun | undefined {
  return mastraRuns.get() ?? before;
}

/** Of the same class, with everything else as it was: a tool of a step has yet to be made what the loop takes. */
export function changed(tool: Tool, changes: Tool): object {
  const descriptors = Object.getOwnPropertyDescriptors(tool) as Record<string, PropertyDescriptor>;
  for (const [name, value] of Object.entries(changes)) {
    descriptors[name] = { value: value as unknown, writable: true, enumerable: true, configurable: true };
  }
  return Object.create(Object.getPrototypeOf(tool) as object, descriptors) as object;
}

/** The loop comes to a call, and tells the tool before it asks anybody. */
function announced(name: string, tool: Tool, before: MastraRun | undefined): Method {
  return (call, ...rest) => {
    const run = patchesEnabled() ? runOf(before) : undefined;
    const { toolCallId, input } = (isRecord(call) ? call : {}) as { readonly toolCallId?: unknown; readonly input?: unknown };
    const callId = textOf(toolCallId);
    if (run?.decision && callId !== undefined) {
      const { decision } = run;
      guarded('looking at a decision', () => decision.reached({ key: callId, describe: () => described(name, callId, input, run) }));
    }
    const { onInputAvailable: own } = tool;
    return typeof own === 'function' ? (Reflect.apply(own as Method, tool, [call, ...rest]) as unknown) : undefined;
  };
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
          guarded('looking at what was run', () => excuse(callIdOf(context), runOf(run)));
        }
      };
      return [name, changed(tool, { execute: excused })];
    }),
  );
}

function excuse(callId: string | undefined, run: MastraRun | undefined): void {
  run?.decision?.begins(callId);
  if (callId !== undefined) run?.forgo([callId]);
}

function recordedExecute(name: string, execute: Required<Tool>['execute'], before: MastraRun | undefined): Required<Tool>['execute'] {
  return (input, context) => {
    const run = runOf(before);
    const decision = run?.decision;
    const decided = decision?.begins(callIdOf(context)) ?? false;
    const approved = decided && decision?.approved === true && wasAskedAbout(name, context ?? {});
    return execution({ name, input, context, run, approved, decided }, () => execute(input, context));
  };
}

/**
 * A tool that stopped itself (`suspend`) is given what the run goes on with, whatever it means, and so is an agent for a call of its
 * own: neither is an approval of this call. What answers the framework's own question the tool is not given, unless it says more.
 */
function wasAskedAbout(name: string, context: ToolContext): boolean {
  const { resumeData, suspendedToolRunId } = context;
  if (resumeData === undefined) return true;
  const more = isAgent(name) || (isRecord(resumeData) && Object.keys(resumeData).length > 1);
  return more && suspendedToolRunId === undefined && !('suspendPayload' in context);
}

/** As the framework names what has another agent run. */
function isAgent(name: string): boolean {
  return name.startsWith('agent-');
}

interface Execution {
  readonly name: string;
  readonly input: unknown;
  readonly context: ToolContext | undefined;
  readonly run: MastraRun | undefined;
  /** A human was asked about this very call, and said yes. */
  readonly approved: boolean;
  /** It goes on with what a human said, about it or about a call inside it. */
  readonly decided?: boolean;
  /** What tells a model of a refusal; an error by default. */
  readonly refused?: ActionCall<unknown>['refused'];
}

export function execution({ name, input, context, run, approved, decided = false, refused }: Execution, execute: () => unknown): unknown {
  const callId = callIdOf(context);
  const signal = context?.abortSignal instanceof AbortSignal ? context.abortSignal : undefined;
  let wrapped: unknown;
  const approvals = approved ? [{ decision: 'approved' as const }] : [];
  const call: ActionCall<unknown> = { ...described(name, callId, input, run), signal, statusOf, approvals, refused };
  if (isAgent(name)) delegated(call, decided);
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

export function described(name: string, callId: string | undefined, input: unknown, run: MastraRun | undefined): ActionCall<unknown> {
  const own = run && { session: run.session, reason: run.takenUp.reasonOf(name, callId) };
  return { tool: { name, type: 'function', callId }, arguments: input, awaited: 'promise', ...own };
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
