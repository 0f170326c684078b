import { guarded } from '../../errors.js';
import type { QueryRun } from './run.js';
import type { HookCallback, HookInput, HookMatcher, HookOutput, Options } from './types.js';

/** A hook of a day: a call may wait for a human. */
const TIMEOUT_S = 86_400;

/** The options of a query with hooks beside those of the application, which stay and run. */
export function withHooks(options: Options, run: QueryRun, supported: readonly string[]): Options {
  const own: Record<string, HookCallback> = {
    PreToolUse: async (input, _id, { signal } = {}) =>
      (await guardedAsync('recording a tool call', () => proposed(run, input, signal))) ?? {},
    PostToolUse: told((input) => run.calls.succeeded(input)),
    PostToolUseFailure: told((input) => run.calls.failed(input)),
    SubagentStop: told((input) => run.agentStopped(input)),
  };
  const hooks: Record<string, readonly HookMatcher[] | undefined> = { ...options.hooks };
  for (const [event, hook] of Object.entries(own)) {
    if (!supported.includes(event)) continue;
    const timeout = event === 'PreToolUse' ? { timeout: TIMEOUT_S } : {};
    hooks[event] = [...(hooks[event] ?? []), { hooks: [hook], ...timeout }];
  }
  return { ...options, hooks };
}

async function proposed(run: QueryRun, input: HookInput, signal: AbortSignal | undefined): Promise<HookOutput> {
  const scope = await run.scopeOf(input);
  const refusal = scope && (await run.calls.begin(scope, input, signal));
  if (refusal === undefined) return {};
  const decision = { permissionDecision: 'deny', permissionDecisionReason: refusal.message };
  return { hookSpecificOutput: { hookEventName: 'PreToolUse', ...decision } };
}

function told(hear: (input: HookInput) => void): HookCallback {
  return async (input) => {
    guarded('ending a tool call', () => hear(input));
    return {};
  };
}

/** What goes wrong in recording never reaches the program. */
async function guardedAsync<T>(doing: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    guarded(doing, () => {
      throw error;
    });
    return undefined;
  }
}
