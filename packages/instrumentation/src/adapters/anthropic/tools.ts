import { runAction } from '../../action.js';
import type { Refusal } from '../../guard.js';
import type { ActionCall } from '../../types.js';
import { patchesEnabled } from '../arming.js';
import { AnthropicRun, anthropicRuns } from './run.js';
import type { RunTool, RunToolsetMember, ToolUse } from './types.js';

/**
 * What runs a tool: it parses the input, runs, and makes a result of whatever is thrown, a refusal included, for the model to read. The
 * tool's own function is what is wrapped, so that its errors are seen as they are.
 */
export function observedTool(original: RunTool): RunTool {
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
        within(run, () =>
          runAction({ ...describe(run, toolUse, own.signal), arguments: given, requested: run !== undefined }, () => tool.run(given, own)),
        ),
    };
    return original(seen, input, context);
  };
}

/** What runs a member of a toolset (a browser, a computer) and answers its result. */
export function observedMember(original: RunToolsetMember): RunToolsetMember {
  return (toolset, toolUse, options) => {
    const execute = (): unknown => original(toolset, toolUse, options);
    if (!patchesEnabled() || typeof toolUse?.id !== 'string') return execute();
    const refused = ({ message }: Refusal): unknown => {
      const { id, toolset_name } = toolUse;
      return { type: 'tool_result', tool_use_id: id, toolset_name: toolset_name ?? null, content: message, is_error: true };
    };
    const run = AnthropicRun.ofCall(toolUse.id);
    const call = { ...describe(run, toolUse, options?.signal), arguments: toolUse.input, refused, statusOf };
    return within(run, () => Promise.resolve(runAction(call, execute)));
  };
}

function within<T>(run: AnthropicRun | undefined, fn: () => T): T {
  return run === undefined ? fn() : anthropicRuns.enter(run, fn);
}

type Described = Omit<ActionCall<unknown>, 'arguments'>;

function describe(run: AnthropicRun | undefined, { id, name }: ToolUse, signal: AbortSignal | undefined): Described {
  run?.executed(id);
  return { tool: { name, type: 'function', callId: id }, session: run?.session, signal, awaited: 'promise' };
}

function statusOf(result: unknown): 'ok' | 'error' {
  return typeof result === 'object' && result !== null && 'is_error' in result && result.is_error === true ? 'error' : 'ok';
}
