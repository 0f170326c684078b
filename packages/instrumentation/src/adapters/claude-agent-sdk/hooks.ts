import { guardedAsync, watchedPermission, watchedRequest } from './permission.js';
import type { QueryRun } from './run.js';
import type { HookCallback, HookInput, HookMatcher, HookOutput, Options } from './types.js';

/** A hook of a day: a call may wait for a human. */
const TIMEOUT_S = 86_400;

/** The options of a query with hooks after those of the application, which stay and run; what they answer is listened to. */
export function withHooks(options: Options, run: QueryRun, supported: readonly string[]): Options {
  const own: Record<string, HookCallback> = {
    PreToolUse: async (input, _id, { signal } = {}) =>
      (await guardedAsync('recording a tool call', () => proposed(run, input, signal))) ?? {},
    PostToolUse: told((input) => run.calls.succeeded(input)),
    PostToolUseFailure: told((input) => run.calls.failed(input)),
    SubagentStop: told((input) => run.agentStopped(input)),
  };
  const hooks: Record<string, readonly HookMatcher[] | undefined> = {
    ...options.hooks,
    ...each(options.hooks, 'PreToolUse', (hook) => run.answers.watch(hook)),
    ...each(options.hooks, 'PermissionRequest', (hook) => watchedRequest(hook, run)),
  };
  for (const [event, hook] of Object.entries(own)) {
    if (!supported.includes(event)) continue;
    const timeout = event === 'PreToolUse' ? { timeout: TIMEOUT_S } : {};
    hooks[event] = [...(hooks[event] ?? []), { hooks: [hook], ...timeout }];
  }
  const { canUseTool } = options;
  return { ...options, hooks, ...(typeof canUseTool === 'function' && { canUseTool: watchedPermission(canUseTool, run) }) };
}

function each(hooks: Options['hooks'], event: string, watched: (hook: HookCallback) => HookCallback): Options['hooks'] {
  const matchers = hooks?.[event];
  if (!Array.isArray(matchers)) return {};
  return { [event]: (matchers as HookMatcher[]).map((one) => ({ ...one, ...(one.hooks && { hooks: one.hooks.map(watched) }) })) };
}

async function proposed(run: QueryRun, input: HookInput, signal: AbortSignal | undefined): Promise<HookOutput> {
  const scope = await run.scopeOf(input);
  const { input: changed, deferred } = await run.answers.about(input);
  // Whoever gave up on the answer does not run it either.
  const forgone = deferred || signal?.aborted === true;
  if (forgone) scope?.forgo([String(input.tool_use_id)]);
  if (scope === undefined || forgone) return {};
  const refusal = await run.calls.begin(scope, { ...input, tool_input: changed }, { signal, told: changed === input.tool_input });
  if (refusal === undefined) return {};
  const decision = { permissionDecision: 'deny', permissionDecisionReason: refusal.message };
  return { hookSpecificOutput: { hookEventName: 'PreToolUse', ...decision } };
}

function told(hear: (input: HookInput) => void | Promise<void>): HookCallback {
  return async (input) => {
    await guardedAsync('ending a tool call', async () => hear(input));
    return {};
  };
}
