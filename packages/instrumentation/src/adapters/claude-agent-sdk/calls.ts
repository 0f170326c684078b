import { AsyncResource } from 'node:async_hooks';
import { runAction } from '../../action.js';
import type { Refusal } from '../../guard.js';
import { putInFlight } from '../calls-in-flight.js';
import type { Scope } from './scope.js';
import type { Block, HookInput } from './types.js';

/** Why a call did not end with a result. Its name is the `error.type`. */
class CallFailure extends Error {
  override readonly name: 'tool_error' | 'not_executed' | 'process_ended' | 'AbortError';

  constructor(name: CallFailure['name']) {
    super(name);
    this.name = name;
  }
}

interface Pending {
  readonly agentType: string | undefined;
  readonly isAgent: boolean;
  readonly enter: <T>(fn: () => T) => T;
  resolve(result: unknown): void;
  reject(error: CallFailure): void;
}

/** The tool calls of a query: each begins with one hook and ends with another. */
export class ToolCalls {
  private readonly failures: boolean;
  private readonly pending = new Map<string, Pending>();
  /** Calls that sub-agents work for, also those that have a result while the sub-agent goes on in the background. */
  private readonly agents = new Map<string, Pending>();

  constructor(failures: boolean) {
    this.failures = failures;
  }

  /** Records the intent of a call. Answers the refusal when it must not run; else nothing, and its outcome is awaited here. */
  begin(scope: Scope, input: HookInput, signal: AbortSignal | undefined): Promise<Refusal | undefined> {
    const callId = String(input.tool_use_id);
    const name = String(input.tool_name);
    return new Promise((resolve) => {
      const outcome = scope.enter(() =>
        runAction(
          {
            tool: { name, type: name.startsWith('mcp__') ? 'extension' : 'function', callId },
            arguments: input.tool_input,
            session: scope.session,
            signal,
            statusOfError,
            awaited: 'promise',
            refused: (refusal) => resolve(refusal),
          },
          () => this.started(callId, input, () => resolve(undefined)),
        ),
      );
      scope.executed(callId);
      // How it ended is on record; here is nobody to tell.
      Promise.resolve(outcome).catch(() => undefined);
    });
  }

  private started(callId: string, { tool_name, tool_input }: HookInput, begun: () => void): Promise<unknown> {
    const enter: Pending['enter'] = AsyncResource.bind((fn) => fn());
    const leave = putInFlight(callId, enter);
    const { subagent_type: type } = (tool_input ?? {}) as { subagent_type?: unknown };
    const result = new Promise((resolve, reject) => {
      const isAgent = tool_name === 'Agent' || tool_name === 'Task';
      const call: Pending = { isAgent, agentType: typeof type === 'string' ? type : undefined, enter, resolve, reject };
      this.pending.set(callId, call);
      if (isAgent) this.agents.set(callId, call);
    });
    begun();
    return result.finally(() => {
      leave();
      this.pending.delete(callId);
    });
  }

  succeeded({ tool_use_id: callId, tool_response: response }: HookInput): void {
    this.pending.get(String(callId))?.resolve(response);
  }

  failed({ tool_use_id: callId, is_interrupt: interrupted }: HookInput): void {
    this.pending.get(String(callId))?.reject(new CallFailure(interrupted === true ? 'AbortError' : 'tool_error'));
  }

  /**
   * What the model is told, of a call whose end no hook told of. Permissions and other hooks refuse calls after this one let them.
   *
   * @param stopped whether the application interrupted the query: then it is that
   */
  result(callId: string, { is_error, content }: Block, stopped: boolean): void {
    const call = this.pending.get(callId);
    const unheard = this.failures ? 'not_executed' : 'tool_error';
    if (is_error === true) call?.reject(new CallFailure(stopped ? 'AbortError' : unheard));
    else call?.resolve(content);
  }

  /** The program is gone, and whatever it did with them. */
  end(failed: boolean): void {
    for (const call of this.pending.values()) call.reject(new CallFailure(failed ? 'process_ended' : 'AbortError'));
  }

  isAgent(callId: string): boolean {
    return this.agents.has(callId);
  }

  agentType(callId: string | undefined): string | undefined {
    return callId === undefined ? undefined : this.agents.get(callId)?.agentType;
  }

  /** The first call of this type of sub-agent that none works for yet. */
  agentWithout(taken: ReadonlySet<string>, type: string): string | undefined {
    const free = [...this.agents].filter(([callId]) => !taken.has(callId));
    return (free.find(([, call]) => call.agentType === type) ?? free[0])?.[0];
  }

  /** How to go on inside a call. */
  enter(callId: string): Pending['enter'] | undefined {
    return this.agents.get(callId)?.enter;
  }
}

function statusOfError(error: unknown): 'error' | 'denied' | 'cancelled' | undefined {
  if (!(error instanceof CallFailure)) return undefined;
  return error.name === 'not_executed' ? 'denied' : error.name === 'AbortError' ? 'cancelled' : 'error';
}
