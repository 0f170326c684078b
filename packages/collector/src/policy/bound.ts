import {
  type Action,
  type CompiledPolicy,
  createState,
  type Decision,
  decide,
  decideSpawn,
  forgetSession,
  type Permit,
  settle,
} from '@agent-custody/policy';
import type { FamilyIds } from './families.js';
import type { RecordedAction, RecordedOutcome, RecordedSession, RecordedSpawn } from './recorded.js';

/** What would have been decided, and what if nothing only observed. */
export type Would = Pick<Decision, 'decision' | 'rule' | 'reason' | 'observed'>;

/** One process under a policy, and one way of reading what is not on record. */
export class Bound {
  private state = createState();
  /** By session and action: of those under way. */
  private readonly permits = new Map<string, Map<string, Permit>>();

  constructor(
    private readonly policy: CompiledPolicy,
    private readonly lenient: boolean,
  ) {}

  action(session: RecordedSession, families: FamilyIds, recorded: RecordedAction): Would {
    const decision = decide(this.policy, this.state, this.actionOf(session, families, recorded), recorded.atMs);
    this.state = decision.state;
    if (decision.permit !== undefined) {
      const permits = this.permits.get(session.session) ?? new Map<string, Permit>();
      this.permits.set(session.session, permits.set(recorded.id, decision.permit));
    }
    return decision;
  }

  /** @param outer the action that starts the agent */
  spawn(session: RecordedSession, families: FamilyIds, outer: RecordedAction, { atMs }: RecordedSpawn): Would {
    const permit = this.permits.get(session.session)?.get(outer.id);
    const decision = decideSpawn(this.policy, this.state, this.actionOf(session, families, outer), permit, atMs);
    this.state = decision.state;
    return decision;
  }

  outcome(session: string, { id, status, atMs }: Pick<RecordedOutcome, 'id' | 'status' | 'atMs'>): void {
    const permit = this.permits.get(session)?.get(id);
    if (permit === undefined) return;
    this.permits.get(session)?.delete(id);
    this.state = settle(this.policy, this.state, permit, status, atMs);
  }

  /** @param families those of which it was the last */
  end(session: string, families: readonly string[]): void {
    this.permits.delete(session);
    for (const id of [session, ...families]) this.state = forgetSession(this.state, id);
  }

  private actionOf({ session, agent, principal }: RecordedSession, families: FamilyIds, recorded: RecordedAction): Action {
    const { tool, toolType, callId, arguments: content, encoding, digest } = recorded;
    const value = parsed(content);
    const known = value !== undefined;
    const [family, ...inherits] = families;
    return {
      tool,
      toolType,
      callId,
      agent,
      principal,
      session,
      family,
      inherits,
      arguments: value,
      // Of arguments that were not JSON the guard could tell no more than a replay can.
      argumentsEncoding: known || encoding === 'lossy' ? encoding : 'withheld',
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
