import { state } from '../../global.js';
import type { ActionCall } from '../../types.js';
import { recordDenied } from '../denied.js';
import { type MastraRun, mastraRuns } from './run.js';
import { isRecord, type RunOptions, textOf } from './types.js';

/** A call as the loop comes to it, before it has asked anybody. */
interface ReachedCall {
  /** Its call id, or the tool's name where it has none yet. */
  readonly key: string;
  describe(): ActionCall<unknown>;
}

/**
 * What a human said about the call that a run had stopped at, and with which it goes on (`approveToolCall`, `declineToolCall`, or
 * `resumeStream`, `resumeGenerate` and `resumeNetwork` with `{ approved }`). It is about one call: the one that the application named,
 * else the first that the run comes to. Those after it have not been asked about.
 */
export class Decision {
  private spent = false;
  private call: ReachedCall | undefined;

  constructor(
    readonly approved: boolean,
    private readonly about: string | undefined,
  ) {}

  reached(call: ReachedCall): void {
    this.settle();
    if (this.spent || (this.about !== undefined && this.about !== call.key)) return;
    this.spent = true;
    this.call = call;
  }

  /** The call begins, or was dealt with in another way; whether it is the one that was decided about. */
  begins(key: string | undefined): boolean {
    if (this.call === undefined || this.call.key !== key) return false;
    this.call = undefined;
    return true;
  }

  /** The decision is about a call of another run, inside this one; whether it was not about one of its own. */
  passOn(): boolean {
    const open = !this.spent;
    this.over();
    return open;
  }

  /** The model is asked again: no call that comes from now on has been decided about. */
  over(): void {
    this.settle();
    this.spent = true;
  }

  /** The run has gone on from the call. One that has not begun by now was denied: that is on record, and nothing runs. */
  private settle(): void {
    const { call } = this;
    this.call = undefined;
    if (call !== undefined && !this.approved) recordDenied(() => call.describe());
  }
}

/** Calls of agents by agents, with whether a human's decision goes on into them. */
const delegations = new WeakMap<object, boolean>();

/** An agent is called by another one; `decided` when the call goes on with what a human said. */
export function delegated(call: ActionCall<unknown>, decided: boolean): void {
  delegations.set(call, decided);
}

/** What a run goes on with, where that is a human's decision; a tool that stopped itself may get anything else. */
export function decisionIn(data: unknown, options: RunOptions): Decision | undefined {
  if (!isRecord(data) || typeof data['approved'] !== 'boolean' || !isHumans()) return undefined;
  return new Decision(data['approved'], textOf(options.toolCallId));
}

/**
 * Whether what is said now comes from outside. A model that calls an agent may say `{ approved: true }` in its arguments
 * (`autoResumeSuspendedTools`), and that of a network for what had stopped: nobody approved anything then.
 */
function isHumans(): boolean {
  const outer: MastraRun | undefined = mastraRuns.get();
  if (outer?.network) return outer.decision?.passOn() ?? false;
  const call = state().frames.getStore()?.action?.call;
  return (call && delegations.get(call)) ?? true;
}
