import { runAction } from '../../action.js';
import type { Refusal } from '../../guard.js';
import type { ActionCall, ActionStatus } from '../../types.js';
import { patchesEnabled } from '../arming.js';
import { confirmationsOf, wasDeclined } from './confirmations.js';
import { AnthropicRun, anthropicRuns } from './run.js';
import type { RunTool, RunToolsetMember, ToolUse } from './types.js';

/**
 * What runs a tool: it parses the input, runs, and makes a result of whatever is thrown, a refusal included, for the model to read. The
 * tool's own function is what is wrapped, so that its errors are seen as they are.
 *
 * @param confirms whether this version waits for a confirmation where a managed session asks for one
 */
export function observedTool(original: RunTool, confirms: boolean): RunTool {
  return (tool, input, context) => {
    const toolUse = context?.toolUseBlock ?? context?.toolUse;
    if (!patchesEnabled() || typeof toolUse?.id !== 'string') return original(tool, input, context);
    const run = AnthropicRun.ofCall(toolUse.id);
    const seen = {
      ...(tool.parse && {
        parse: (given: unknown): unknown => {
          try {
            return tool.parse?.(given);
          } catch (error) {
            // The model is told, and the tool is not run.
            run?.forgo([toolUse.id]);
            throw error;
          }
        },
      }),
      run: (given: unknown, own: typeof context): unknown =>
        recordedRun(run, toolUse, { input: given, signal: own.signal, approvals: confirms ? confirmationsOf(toolUse) : [] }, () =>
          tool.run(given, own),
        ),
    };
    return original(seen, input, context);
  };
}

/** Runs the function of a tool as an action. */
export function recordedRun(
  run: AnthropicRun | undefined,
  toolUse: Partial<ToolUse> & Pick<ToolUse, 'name'>,
  { input, signal, approvals }: { readonly input: unknown } & Pick<ActionCall<unknown>, 'signal' | 'approvals'>,
  execute: () => unknown,
): unknown {
  run?.begins(toolUse);
  const requested = run !== undefined && toolUse.id !== undefined;
  return within(run, () => runAction({ ...describe(run, toolUse, signal), arguments: input, requested, approvals }, execute));
}

/** What runs a member of a toolset (a browser, a computer) and answers its result. */
export function observedMember(original: RunToolsetMember): RunToolsetMember {
  return async (toolset, toolUse, options) => {
    if (!patchesEnabled() || typeof toolUse?.id !== 'string') return original(toolset, toolUse, options);
    const refused = ({ message }: Refusal): unknown => {
      const { id, toolset_name } = toolUse;
      return { type: 'tool_result', tool_use_id: id, toolset_name: toolset_name ?? null, content: message, is_error: true };
    };
    const execute = async (): Promise<unknown> => {
      const result = await original(toolset, toolUse, options);
      if (wasDeclined(toolUse)) throw new Declined(result);
      return result;
    };
    const run = AnthropicRun.ofCall(toolUse.id);
    const call = { ...describe(run, toolUse, options?.signal), arguments: toolUse.input, refused, statusOf, statusOfError };
    try {
      return await within(run, () => runAction(call, execute));
    } catch (error) {
      if (error instanceof Declined) return error.result;
      throw error;
    }
  };
}

/** Nobody let it run; the result says that it failed. Its name is the `error.type`. */
class Declined extends Error {
  override readonly name = 'not_executed';
  readonly result: unknown;

  constructor(result: unknown) {
    super();
    this.result = result;
  }
}

function statusOfError(error: unknown): ActionStatus | undefined {
  return error instanceof Declined ? 'denied' : undefined;
}

function within<T>(run: AnthropicRun | undefined, fn: () => T): T {
  return run === undefined ? fn() : anthropicRuns.enter(run, fn);
}

type Described = Omit<ActionCall<unknown>, 'arguments'>;

function describe(
  run: AnthropicRun | undefined,
  toolUse: Partial<ToolUse> & Pick<ToolUse, 'name'>,
  signal: AbortSignal | undefined,
): Described {
  const { id, name } = toolUse;
  run?.executed(id);
  return { tool: { name, type: 'function', callId: id }, session: run?.session, signal, awaited: 'promise' };
}

function statusOf(result: unknown): 'ok' | 'error' {
  return typeof result === 'object' && result !== null && 'is_error' in result && result.is_error === true ? 'error' : 'ok';
}
