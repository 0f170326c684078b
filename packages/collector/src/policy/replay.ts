import { type ActionStatus, fingerprintDigest, type Hashing } from '@agent-custody/chain';
import { compilePolicy, onRecord, type Policy, policyValue, type RecordedDecision, type Verdict } from '@agent-custody/policy';
import { Bound, type Would } from './bound.js';
import { Families, type FamilyIds } from './families.js';
import { inOrder, type OrderedEvent, type RecordedProcess } from './order.js';
import type { RecordedAction, RecordedSession, RecordedSpawn } from './recorded.js';

/** What a policy would have decided, or between what it lies where the record does not tell. */
export type ReplayedVerdict =
  | { readonly type: 'decided'; readonly verdict: Verdict }
  | { readonly type: 'undecided'; readonly laxest: Verdict; readonly strictest: Verdict };

export interface Replayed<Of extends RecordedAction | RecordedSpawn> {
  readonly recorded: Of;
  readonly replayed: ReplayedVerdict;
  /** Whether the very same would be on record: decision, rule, and what would have been; undefined where that is undecided. */
  readonly same: boolean | undefined;
}

export interface ReplayedAction extends Replayed<RecordedAction> {
  readonly status: ActionStatus | undefined;
}

/** Why what was replayed may differ from what would have been. */
export type Doubt =
  | 'links_missing' // of this session, so that something may not have been counted
  | 'links_disputed' // two histories were told of this session: the one that came last was replayed
  | 'process_unknown' // which sessions were counted together is not on record
  | 'other_sessions' // this one was replayed alone, and the policy counts over several
  | 'undecided_before' // counts rest on calls that were undecided: all of them are taken one way, or all the other
  | 'spawn_unplaced'; // an agent was started in an action that is not on record, and not counted

export interface ReplayedSession {
  readonly session: string;
  readonly agent: string;
  readonly principal: string | undefined;
  readonly process: string | undefined;
  readonly actions: readonly ReplayedAction[];
  readonly spawns: readonly Replayed<RecordedSpawn>[];
  /** How many of its decisions were made under the policy that is replayed. */
  readonly underSame: number;
  readonly doubts: readonly Doubt[];
}

/** One session while it is replayed. */
interface Progress {
  readonly statuses: ReadonlyMap<string, ActionStatus>;
  readonly actions: ReplayedAction[];
  readonly spawns: Replayed<RecordedSpawn>[];
  /** Actions seen so far, and those of them that are under way. */
  readonly begun: Set<string>;
  readonly open: Map<string, RecordedAction>;
  readonly doubts: Set<Doubt>;
}

/**
 * Replays recorded sessions under a policy, as if it had been enforced: calls, the agents that they started, and how they ended, in the
 * order in which they happened. What the record does not tell (arguments that were not disclosed) is read both ways, for the policy
 * and against it, each with a state of its own; where both come to one decision it is that, and where they do not, none is claimed.
 * What else the record does not tell is said ({@link Doubt}).
 */
export class Replay {
  private readonly digest: string;
  private readonly compiled;
  private readonly counts: boolean;
  private readonly flows: boolean;
  /** Whether anything in it is counted over several sessions. */
  readonly countsAcross: boolean;

  constructor(policies: readonly Policy[], hashing: Hashing) {
    this.digest = fingerprintDigest('policy', policyValue(policies), hashing);
    this.compiled = [compilePolicy(policies, { lenient: true }), compilePolicy(policies)] as const;
    const documents = policies.map(({ document }) => document);
    this.countsAcross = documents.some(({ limits = [], breakers = [] }) =>
      [...limits, ...breakers].some((entry) => !entry.per.includes('session') && !('changed_retries' in entry)),
    );
    this.flows = documents.some(({ flows = [] }) => flows.length > 0);
    this.counts = documents.some((document) => COUNTING.some((section) => (document[section] ?? []).length > 0));
  }

  /**
   * The sessions of one process, each as soon as nothing more of it follows.
   *
   * @param alone replayed without the sessions that were counted with it
   */
  *process({ process, sessions }: RecordedProcess, read: (session: string) => RecordedSession, alone = false): Generator<ReplayedSession> {
    const run = new Run([new Bound(this.compiled[0], true), new Bound(this.compiled[1], false)]);
    for (const { session, event, last } of inOrder(sessions, read)) {
      const progress = run.take(session, event);
      if (!last) continue;
      run.forget(session);
      const { actions, spawns } = progress;
      const underSame = [...actions, ...spawns].filter(({ recorded }) => recorded.policy === this.digest).length;
      const doubts = this.doubts(session, progress, alone);
      yield { session: session.session, agent: session.agent, principal: session.principal, process, actions, spawns, underSame, doubts };
    }
  }

  private doubts(session: RecordedSession, { doubts }: Progress, alone: boolean): readonly Doubt[] {
    const hasKin = session.parent !== undefined || session.events.some(({ type }) => type === 'spawn');
    const rests = this.countsAcross || (this.flows && hasKin);
    return [
      ...(session.missing > 0 ? (['links_missing'] as const) : []),
      ...(session.disputed > 0 ? (['links_disputed'] as const) : []),
      ...(rests && alone ? (['other_sessions'] as const) : []),
      ...(rests && !alone && session.process === undefined ? (['process_unknown'] as const) : []),
      ...[...doubts].filter((doubt) => doubt !== 'undecided_before' || this.counts),
    ];
  }
}

const COUNTING = ['separation', 'flows', 'limits', 'budgets', 'breakers'] as const;

/** One process, replayed: its sessions share what is counted. */
class Run {
  private readonly families = new Families();
  private readonly sessions = new Map<string, Progress>();
  private undecided = false;

  constructor(private readonly bounds: readonly [Bound, Bound]) {}

  take(session: RecordedSession, event: OrderedEvent['event']): Progress {
    const progress = this.sessions.get(session.session) ?? begin(session);
    this.sessions.set(session.session, progress);
    const families = this.families.of(session);
    switch (event.type) {
      case 'start':
        break;
      case 'action':
        this.action(progress, session, families, event);
        break;
      case 'spawn':
        if (event.child !== undefined) this.families.announce(event.child, session);
        this.spawn(progress, session, families, event);
        break;
      case 'outcome':
        progress.open.delete(event.id);
        for (const bound of this.bounds) bound.outcome(session.session, event);
        break;
      case 'end': {
        const over = this.families.end(session);
        for (const bound of this.bounds) bound.end(session.session, over);
        break;
      }
      default:
        event satisfies never;
    }
    return progress;
  }

  forget({ session }: RecordedSession): void {
    this.sessions.delete(session);
  }

  private action(progress: Progress, session: RecordedSession, families: FamilyIds, recorded: RecordedAction): void {
    if (this.undecided) progress.doubts.add('undecided_before');
    const status = progress.statuses.get(recorded.id);
    const [lax, strict] = this.bounds.map((bound) => bound.action(session, families, recorded)) as [Would, Would];
    // What was denied then never ran, whatever this policy says of it.
    if (recorded.decision === 'deny' && status === undefined)
      for (const bound of this.bounds) bound.outcome(session.session, { id: recorded.id, status: 'denied', atMs: recorded.atMs });
    progress.begun.add(recorded.id);
    progress.open.set(recorded.id, recorded);
    const result = replayed(recorded, lax, strict);
    this.undecided ||= result.replayed.type === 'undecided';
    progress.actions.push({ ...result, status });
  }

  private spawn(progress: Progress, session: RecordedSession, families: FamilyIds, recorded: RecordedSpawn): void {
    const outer = recorded.inside === undefined ? undefined : progress.open.get(recorded.inside);
    if (outer === undefined) {
      // Of one that is over nobody was asked either.
      if (recorded.inside !== undefined && !progress.begun.has(recorded.inside)) progress.doubts.add('spawn_unplaced');
      return;
    }
    if (this.undecided) progress.doubts.add('undecided_before');
    const [lax, strict] = this.bounds.map((bound) => bound.spawn(session, families, outer, recorded)) as [Would, Would];
    const result = replayed(recorded, lax, strict);
    this.undecided ||= result.replayed.type === 'undecided';
    progress.spawns.push(result);
  }
}

function begin({ events }: RecordedSession): Progress {
  const statuses = new Map(events.flatMap((event) => (event.type === 'outcome' ? [[event.id, event.status] as const] : [])));
  return { statuses, actions: [], spawns: [], begun: new Set(), open: new Map(), doubts: new Set() };
}

function replayed<Of extends RecordedAction | RecordedSpawn>(recorded: Of, lax: Would, strict: Would): Replayed<Of> {
  const [laxest, strictest] = [lax, strict].map(({ decision, rule, reason, observed }) => observed ?? { decision, rule, reason }) as [
    Verdict,
    Verdict,
  ];
  const [one, other] = [isAsRecorded(recorded, onRecord(lax)), isAsRecorded(recorded, onRecord(strict))];
  return {
    recorded,
    replayed: laxest.decision === strictest.decision ? { type: 'decided', verdict: strictest } : { type: 'undecided', laxest, strictest },
    same: one === other ? one : undefined,
  };
}

function isAsRecorded(recorded: RecordedAction | RecordedSpawn, { decision, rule, observed }: RecordedDecision): boolean {
  if (recorded.decision !== decision || recorded.observed !== observed) return false;
  // The spawn of an agent to which nothing objected names no rule.
  return recorded.rule === rule || (recorded.type === 'spawn' && decision === 'allow' && observed === undefined);
}
