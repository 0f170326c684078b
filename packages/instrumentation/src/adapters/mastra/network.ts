import { guarded } from '../../errors.js';
import type { Refusal } from '../../guard.js';
import { patchesEnabled } from '../arming.js';
import { patchInherited } from '../patching.js';
import { type MastraRun, mastraRuns } from './run.js';
import { changed, described, execution, isTool } from './tools.js';
import { isRecord, type Method, type Tool, type ToolContext } from './types.js';

/** Wraps `listTools` of an agent and of its memory: from there a network takes the tools that it runs by itself, in no agent's loop. */
export function observedList(original: Method): Method {
  return function (this: unknown, ...args) {
    const run = patchesEnabled() ? mastraRuns.get() : undefined;
    const listed: unknown = Reflect.apply(original, this, args);
    if (!run?.network) return listed;
    const observed = (tools: unknown): unknown => guarded('observing tools', () => networkSet(tools, run)) ?? tools;
    return listed instanceof Promise ? listed.then(observed) : observed(listed);
  };
}

/** Wraps `Agent.getMemory`: a memory has tools of its own. */
export function observedMemory(original: Method): Method {
  return function (this: unknown, ...args) {
    const found: unknown = Reflect.apply(original, this, args);
    if (!patchesEnabled() || !mastraRuns.get()?.network || !(found instanceof Promise)) return found;
    return found.then((memory: unknown) => {
      guarded('observing a memory', () => isRecord(memory) && patchInherited(memory, 'listTools', observedList));
      return memory;
    });
  };
}

function networkSet(tools: unknown, run: MastraRun): unknown {
  if (!isRecord(tools)) return tools;
  return Object.fromEntries(Object.entries(tools).map(([name, tool]) => [name, isTool(tool) ? networkTool(name, tool, run) : tool]));
}

function networkTool(name: string, tool: Tool & Required<Pick<Tool, 'execute'>>, run: MastraRun): object {
  const { execute, requireApproval, needsApprovalFn } = tool;
  const recorded = (input: unknown, context?: ToolContext, ...rest: unknown[]): unknown => {
    const approved = run.decision?.begins(name) === true && run.decision.approved;
    // An error would end the network; a result tells the model that routes.
    const call = { name, input, context, run, approved, refused: ({ message }: Refusal) => message };
    return execution(call, () => Reflect.apply(execute as Method, tool, [input, context, ...rest]));
  };
  const asks = Boolean(requireApproval) || Boolean(needsApprovalFn);
  return changed(tool, { execute: recorded, ...(asks && { needsApprovalFn: askedAbout(name, tool, run) }) });
}

/** What a network asks about a call with its arguments, each time that it comes to it; without this it would not say which they are. */
function askedAbout(name: string, { requireApproval, needsApprovalFn }: Tool, run: MastraRun): Method {
  return async (input, ...rest) => {
    const reached = (): void => {
      guarded('looking at a decision', () => run.decision?.reached({ key: name, describe: () => described(name, undefined, input, run) }));
    };
    try {
      const verdict: unknown = typeof needsApprovalFn === 'function' ? await needsApprovalFn(input, ...rest) : requireApproval;
      if (verdict) reached();
      return verdict;
    } catch (error) {
      // The framework takes it for a yes.
      reached();
      throw error;
    }
  };
}
