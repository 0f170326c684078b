import { AsyncResource } from 'node:async_hooks';
import { runAction } from '../../action.js';
import { guarded } from '../../errors.js';
import { ActionDenied } from '../../guard.js';
import type { ActionCall } from '../../types.js';
import { patchesEnabled } from '../arming.js';
import { deferred } from '../deferred.js';
import { approvalsOf, type PendingCall, settleUnrun } from './approvals.js';
import { type AgentRun, currentRun, originOf } from './run.js';
import { callIdOf, isRecord, type Method, type RunContext, recordsIn, type Tool } from './types.js';

type Export = (...args: never[]) => unknown;

/**
 * Wraps `executeComputerActions`. One call is a batch of steps and a screenshot, run on a computer that the framework looks up once it
 * may: the call begins with the first step, and is over when the framework is done with it. Calls are handed on one by one, as the
 * framework runs them, so that each step belongs to one of them.
 */
export function observedComputer(original: Export): Method {
  return async function (this: unknown, ...args) {
    const run = currentRun();
    if (!patchesEnabled() || run === undefined) return Reflect.apply(original, this, args as never[]);
    const [agent, actions, runner, context, ...rest] = args;
    const results: unknown[] = [];
    for (const action of recordsIn(actions)) {
      const execute = (): unknown => Reflect.apply(original, this, [agent, [action], runner, context, ...rest] as never[]);
      results.push(...((await one(run, pendingOf(action, agent, context as RunContext), execute)) as unknown[]));
    }
    return results;
  };
}

/** Wraps `resolveComputer`: while a call is under way the framework gets a computer whose steps are seen. */
export function observedResolve(original: Export): Method {
  return async function (this: unknown, ...args) {
    const run = currentRun();
    const computer: unknown = await Reflect.apply(original, this, args as never[]);
    return run?.computer ? run.computer(computer) : computer;
  };
}

function pendingOf({ toolCall, computer }: Readonly<Record<string, unknown>>, agent: unknown, context: RunContext): PendingCall {
  const item = isRecord(toolCall) ? toolCall : {};
  return { agent, context, toolName: (computer as Tool).name, item, functionTool: false };
}

async function one(run: AgentRun, pending: PendingCall, execute: () => unknown): Promise<unknown> {
  const call = new ComputerCall(pending);
  run.computer = (computer) => call.observed(computer);
  try {
    return await run.scope.enter(execute);
  } finally {
    run.computer = undefined;
    call.over();
    settleUnrun([pending], describe, run);
  }
}

function describe({ toolName, item }: PendingCall): ActionCall<unknown> {
  const tool = { name: toolName, type: 'function', callId: callIdOf(item) };
  return { tool, arguments: item.actions ?? item.action, awaited: 'promise', ...originOf(item) };
}

class ComputerCall {
  private readonly end = deferred();
  private begun: Promise<(step: () => unknown) => unknown> | undefined;
  private last: unknown;
  private failure: { readonly error: unknown } | undefined;

  constructor(private readonly pending: PendingCall) {}

  observed(computer: unknown): unknown {
    if (!isRecord(computer)) return computer;
    return new Proxy(computer, {
      get: (target, property) => {
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== 'function' || property === 'constructor') return value;
        return (...args: unknown[]) => this.step(() => Reflect.apply(value as Method, target, args));
      },
    });
  }

  over(): void {
    if (this.failure) this.end.reject(this.failure.error);
    else this.end.resolve(this.last);
  }

  private async step(step: () => unknown): Promise<unknown> {
    this.begun ??= this.begin();
    const enter = await this.begun;
    try {
      this.last = await enter(step);
      return this.last;
    } catch (error) {
      this.failure = { error };
      throw error;
    }
  }

  /** Resolves with how to run a step inside the action once it may run; rejects when it may not. */
  private begin(): Promise<(step: () => unknown) => unknown> {
    return new Promise((resolve, reject) => {
      const approvals = guarded('reading an approval', () => approvalsOf(this.pending)) ?? [];
      const refused: ActionCall<unknown>['refused'] = (refusal) => reject(new ActionDenied(refusal));
      const outcome = runAction<unknown>({ ...describe(this.pending), approvals, refused }, () => {
        resolve(AsyncResource.bind((step: () => unknown) => step()));
        return this.end.promise;
      });
      // The framework deals with the error of the step itself.
      if (outcome instanceof Promise) outcome.catch(() => undefined);
    });
  }
}
