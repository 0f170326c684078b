import type { ApprovalDecision } from '@agent-custody/chain';
import { guarded } from '../../errors.js';
import type { Refusal } from '../../guard.js';
import type { QueryRun } from './run.js';
import type { CanUseTool, HookCallback } from './types.js';

/** What somebody said of a call that may run only if somebody says so, and the input that it is to run with. */
interface Decision {
  readonly decision: Extract<ApprovalDecision, 'approved' | 'denied'>;
  readonly input: unknown;
}

/** The application's `canUseTool`: what it decides is on record before the program hears of it. */
export function watchedPermission(ask: CanUseTool, run: QueryRun): CanUseTool {
  return async function (this: unknown, name, input, options) {
    const answer = await Reflect.apply(ask, this, [name, input, options]);
    const refusal = await decided(run, options?.toolUseID, decisionOf(answer, input), options?.signal);
    return refusal === undefined ? answer : { behavior: 'deny', message: refusal.message };
  };
}

/** A hook of the application's that is asked at the same time: the first of both to decide has its way. */
export function watchedRequest(hook: HookCallback, run: QueryRun): HookCallback {
  return async function (this: unknown, ...args) {
    const [input, callId, options] = args;
    const output = await Reflect.apply(hook, this, args);
    const specific = guarded('reading the answer of a hook', () => output?.['hookSpecificOutput'] as Readonly<Record<string, unknown>>);
    const refusal = await decided(run, callId, decisionOf(specific?.['decision'], input?.tool_input), options?.signal);
    if (refusal === undefined) return output;
    const decision = { behavior: 'deny', message: refusal.message };
    return { hookSpecificOutput: { hookEventName: 'PermissionRequest', decision } };
  };
}

function decisionOf(answer: unknown, input: unknown): Decision | undefined {
  if (typeof answer !== 'object' || answer === null) return undefined;
  const { behavior, updatedInput } = answer as Readonly<Record<string, unknown>>;
  if (behavior === 'deny') return { decision: 'denied', input };
  return behavior === 'allow' ? { decision: 'approved', input: updatedInput ?? input } : undefined;
}

/** Answers the refusal when the call must not run after all: a changed one is decided about anew. */
async function decided(
  run: QueryRun,
  callId: unknown,
  said: Decision | undefined,
  signal: AbortSignal | undefined,
): Promise<Refusal | undefined> {
  // Whoever is asked no more is not heard.
  if (said === undefined || typeof callId !== 'string' || signal?.aborted) return undefined;
  return guardedAsync('recording an approval', () => run.calls.decided(callId, said.decision, said.input, signal));
}

/** What goes wrong in recording never reaches the program. */
export async function guardedAsync<T>(doing: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    guarded(doing, () => {
      throw error;
    });
    return undefined;
  }
}
