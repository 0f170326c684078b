import {
  type Action,
  type ActionStatus,
  type CompiledPolicy,
  compilePolicy,
  createState,
  decide,
  forgetSession,
  type Permit,
  type Policy,
  type PolicyState,
  settle,
  type Verdict,
} from '@agent-custody/policy';
import type { RecordedAction, RecordedOutcome, RecordedSession } from './recorded.js';

/** What a policy would have decided, or between what it lies where the record does not tell. */
export type ReplayedVerdict =
  | { readonly type: 'decided'; readonly verdict: Verdict }
  | { readonly type: 'undecided'; readonly laxest: Verdict; readonly strictest: Verdict };

export interface ReplayedAction {
  readonly recorded: RecordedAction;
  readonly status: ActionStatus | undefined;
  readonly replayed: ReplayedVerdict;
}

export interface ReplayedSession {
  readonly session: string;
  readonly agent: string;
  readonly principal: string | undefined;
  readonly actions: readonly ReplayedAction[];
}

/**
 * Replays recorded sessions under a policy, as if it had been enforced. What the record does not tell (arguments that were not
 * disclosed) is read both ways, for the policy and against it, each with a state of its own; where both come to one decision it is
 * that, and where they do not, none is claimed.
 *
 * Sessions of one agent share a state, as they do in its process, and are replayed one after the other.
 */
export class Replay {
  private readonly bounds: readonly [Bound, Bound];

  constructor(policies: readonly Policy[]) {
    this.bounds = [new Bound(compilePolicy(policies, { lenient: true }), true), new Bound(compilePolicy(policies), false)];
  }

  session(recorded: RecordedSession): ReplayedSession {
    const { session, agent, principal, events } = recorded;
    const statuses = new Map(events.flatMap((event) => (event.type === 'outcome' ? [[event.id, event.status] as const] : [])));
    const actions: ReplayedAction[] = [];
    for (const event of events) {
      if (event.type === 'outcome') for (const bound of this.bounds) bound.outcome(recorded, event);
      else {
        const [laxest, strictest] = [this.bounds[0].action(recorded, event), this.bounds[1].action(recorded, event)];
        const replayed: ReplayedVerdict =
          laxest.decision === strictest.decision ? { type: 'decided', verdict: strictest } : { type: 'undecided', laxest, strictest };
        actions.push({ recorded: event, status: statuses.get(event.id), replayed });
      }
    }
    for (const bound of this.bounds) bound.end(recorded);
    return { session, agent, principal, actions };
  }
}

/** One way of reading what is not on record. */
class Bound {
  private readonly states = new Map<string, PolicyState>();
  private readonly permits = new Map<string, Permit>();

  constructor(
    private readonly policy: CompiledPolicy,
    private readonly lenient: boolean,
  ) {}

  action(session: RecordedSession, recorded: RecordedAction): Verdict {
    const { state, permit, observed, decision, rule, reason } = decide(
      this.policy,
      this.states.get(session.agent) ?? createState(),
      this.actionOf(session, recorded),
      recorded.atMs,
    );
    this.states.set(session.agent, state);
    if (permit !== undefined) {
      this.permits.set(recorded.id, permit);
      // What was denied then never ran, whatever this policy says of it.
      if (recorded.decision === 'deny') this.settle(session, recorded.id, 'denied', recorded.atMs);
    }
    return observed ?? { decision, rule, reason };
  }

  outcome(session: RecordedSession, { id, status, atMs }: RecordedOutcome): void {
    this.settle(session, id, status, atMs);
  }

  end({ session, agent }: RecordedSession): void {
    const state = this.states.get(agent);
    if (state !== undefined) this.states.set(agent, forgetSession(state, session));
    this.permits.clear();
  }

  private settle({ agent }: RecordedSession, id: string, status: ActionStatus, atMs: number): void {
    const permit = this.permits.get(id);
    const state = this.states.get(agent);
    if (permit === undefined || state === undefined) return;
    this.permits.delete(id);
    this.states.set(agent, settle(this.policy, state, permit, status, atMs));
  }

  private actionOf({ session, agent, principal }: RecordedSession, recorded: RecordedAction): Action {
    const { tool, toolType, callId, arguments: content, encoding, digest } = recorded;
    const value = parsed(content);
    const known = value !== undefined;
    return {
      tool,
      toolType,
      callId,
      agent,
      principal,
      session,
      arguments: value,
      argumentsEncoding: known ? encoding : 'withheld',
      // Two calls with arguments that are not on record may have been the same or not: taken for different here, for equal there.
      argumentsDigest: known ? undefined : this.lenient ? digest : 'withheld',
    };
  }
}

/** Content that matches its digest is what the agent committed to, which need not be JSON. */
function parsed(content: string | undefined): unknown {
  if (content === undefined) return undefined;
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}
