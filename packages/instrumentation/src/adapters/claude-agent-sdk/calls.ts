import { AsyncResource } from 'node:async_hooks';
import { toCanonical } from '@agent-custody/chain';
import { recordDecision, runAction } from '../../action.js';
import type { Refusal } from '../../guard.js';
import type { ActionCall } from '../../types.js';
import { putInFlight } from '../calls-in-flight.js';
import { deferred } from '../deferred.js';
import type { Scope } from './scope.js';
import type { Block, HookInput } from './types.js';

/** Why a call did not end with a result. Its name is the `error.type`. */
class CallFailure extends Error {
  override readonly name: 'tool_error' | 'not_executed' | 'arguments_changed' | 'process_ended' | 'AbortError';

  constructor(name: CallFailure['name']) {
    super(name);
    this.name = name;
  }
}

interface Pending {
  readonly scope: Scope;
  readonly input: HookInput;
  /** Whether its input is what the program told, and not what the application answered. */
  readonly told: boolean;
  readonly agentType: string | undefined;
  readonly isAgent: boolean;
  readonly enter: <T>(fn: () => T) => T;
  /** Its outcome is on record. */
  readonly over: Promise<void>;
  resolve(result: unknown): void;
  reject(error: CallFailure): void;
}

/** How a call comes to be: more than what the hook says of it. */
interface Beginning extends Pick<ActionCall<unknown>, 'approvals' | 'unstoppable' | 'signal'> {
  readonly told: boolean;
}

type Said = readonly [decision: 'approved' | 'denied', input: unknown, signal: AbortSignal | undefined];

/** The tool calls of a query: each begins with one hook and ends with another. */
export class ToolCalls {
  private readonly failures: boolean;
  private readonly pending = new Map<string, Pending>();
  /** Calls that sub-agents work for, also those that have a result while the sub-agent goes on in the background. */
  private readonly agents = new Map<string, Pending>();
  /** What was said of calls that are not over. */
  private readonly decisions = new Map<string, Promise<unknown>>();

  constructor(failures: boolean) {
    this.failures = failures;
  }

  /** Records the intent of a call. Answers the refusal when it must not run; else nothing, and its outcome is awaited here. */
  begin(scope: Scope, input: HookInput, { told, ...more }: Beginning): Promise<Refusal | undefined> {
    const callId = String(input.tool_use_id);
    const name = String(input.tool_name);
    return new Promise((resolve) => {
      const outcome = scope.enter(() =>
        runAction(
          {
            tool: { name, type: name.startsWith('mcp__') ? 'extension' : 'function', callId },
            arguments: input.tool_input,
            session: scope.session,
            statusOfError,
            awaited: 'promise',
            refused: (refusal) => resolve(refusal),
            ...more,
          },
          () => this.started({ scope, input, told }, () => resolve(undefined)),
        ),
      );
      scope.executed(callId);
      // How it ended is on record; here is nobody to tell.
      Promise.resolve(outcome).catch(() => undefined);
    });
  }

  private started(begun: Pick<Pending, 'scope' | 'input' | 'told'>, goOn: () => void): Promise<unknown> {
    const { tool_use_id, tool_name, tool_input } = begun.input;
    const callId = String(tool_use_id);
    const enter: Pending['enter'] = AsyncResource.bind((fn) => fn());
    const leave = putInFlight(callId, enter);
    const { subagent_type: type } = (tool_input ?? {}) as { subagent_type?: unknown };
    const isAgent = tool_name === 'Agent' || tool_name === 'Task';
    const { promise, ...settle } = deferred();
    const result = promise.finally(() => {
      leave();
      if (this.pending.get(callId) === call) this.pending.delete(callId);
    });
    const over = result.then(
      () => undefined,
      () => undefined,
    );
    const call: Pending = { ...begun, ...settle, isAgent, agentType: typeof type === 'string' ? type : undefined, enter, over };
    this.pending.set(callId, call);
    if (isAgent) this.agents.set(callId, call);
    goOn();
    return result;
  }

  /**
   * What somebody said when the program asked, of a call that is under way. Of several who are asked the first to answer has his way.
   * Answers the refusal when the call must not run after all.
   */
  async decided(callId: string, ...said: Said): Promise<Refusal | undefined> {
    const before = this.decisions.get(callId);
    const own = before === undefined ? this.decide(callId, ...said) : undefined;
    if (own) this.decisions.set(callId, own);
    // Whoever comes second is not answered before the first.
    await before;
    return own;
  }

  /** One that is to run with another input than it began with did not run, and begins anew. */
  private async decide(
    callId: string,
    decision: 'approved' | 'denied',
    input: unknown,
    signal?: AbortSignal,
  ): Promise<Refusal | undefined> {
    const call = this.pending.get(callId);
    if (call === undefined) return undefined;
    if (!same(call.input.tool_input, input)) {
      const refusal = await this.again(call, input, { signal, approvals: [{ decision }], told: false });
      return decision === 'denied' ? undefined : refusal;
    }
    call.enter(() => recordDecision(decision, callId));
    if (decision === 'denied') call.reject(new CallFailure('not_executed'));
    return undefined;
  }

  private async again(call: Pending, input: unknown, beginning: Beginning): Promise<Refusal | undefined> {
    call.reject(new CallFailure('arguments_changed'));
    await call.over;
    return this.begin(call.scope, { ...call.input, tool_input: input }, beginning);
  }

  async succeeded(input: HookInput): Promise<void> {
    (await this.ran(input))?.resolve(input.tool_response);
  }

  async failed(input: HookInput): Promise<void> {
    const interrupted = input.is_interrupt === true;
    (await this.ran(input))?.reject(new CallFailure(interrupted ? 'AbortError' : 'tool_error'));
  }

  /** The call that ran. A hook from a settings file may have changed its input unseen: then what ran is recorded now, as it was. */
  private async ran({ tool_use_id, tool_input: input }: HookInput): Promise<Pending | undefined> {
    const callId = String(tool_use_id);
    const call = this.pending.get(callId);
    // Of an agent the child sessions are at work by now.
    if (call === undefined || !call.told || call.isAgent || input === undefined || same(call.input.tool_input, input)) return call;
    await this.again(call, input, { unstoppable: true, told: true });
    return this.pending.get(callId);
  }

  /**
   * What the model is told, of a call whose end no hook told of. Permissions and other hooks refuse calls after this one let them.
   *
   * @param stopped whether the application interrupted the query: then it is that
   */
  result(callId: string, { is_error, content }: Block, stopped: boolean): void {
    this.decisions.delete(callId);
    const call = this.pending.get(callId);
    const unheard = this.failures ? 'not_executed' : 'tool_error';
    if (is_error === true) call?.reject(new CallFailure(stopped ? 'AbortError' : unheard));
    else call?.resolve(content);
  }

  /** The program is gone, and whatever it did with them. */
  end(why: CallFailure['name']): void {
    for (const call of this.pending.values()) call.reject(new CallFailure(why));
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
  switch (error.name) {
    case 'not_executed':
    case 'arguments_changed':
      return 'denied';
    case 'AbortError':
      return 'cancelled';
    default:
      return 'error';
  }
}

function same(one: unknown, other: unknown): boolean {
  return toCanonical(one).text === toCanonical(other).text;
}
