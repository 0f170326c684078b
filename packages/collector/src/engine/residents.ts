import {
  createVerifier,
  DEFAULT_LIMITS,
  forget,
  type Hashing,
  isSettled,
  type Limits,
  linksHeld,
  type Records,
  type Register,
  resume,
  sessionsInMemory,
  type VerifierState,
} from '@agent-custody/chain';
import type { Ledger } from '../ledger/ledger.js';

export interface ResidentsOptions {
  readonly ledger: Ledger;
  readonly hashing: Hashing;
  readonly limits: Partial<Limits> | undefined;
  /** Sessions kept in memory. */
  readonly bound: number;
}

/** A session that was put out of memory although time may still say something about it. */
interface Sleeper {
  /** When something last came of it: its waits count from there. */
  readonly since: number;
  readonly wakeAt: number;
}

/** Links that may wait behind holes for each session of the bound: a few sessions full of holes weigh more than many without. */
const LINKS_HELD_PER_SESSION = 10;
/** Sessions woken at one tick. */
const WOKEN_AT_A_TIME = 200;
/** How long a session that nothing is awaited of stays in memory, for what may still follow. */
const SETTLED_STAY_MS = 60_000;

/**
 * Which sessions the verifier holds in memory. Settled ones leave after a while. Past the bound the longest untouched leave too, and
 * are loaded again for a moment when their grace period and their idle limit end: a flood of sessions makes judgement slower,
 * never wrong, and cannot keep an honest session from being judged.
 */
export class Residents {
  readonly verifier: VerifierState;
  /** Copies that the verifier took on record so far. */
  kept = 0;
  /** When each was last touched, longest ago first. */
  private readonly touched = new Map<string, number>();
  private readonly sleepers = new Map<string, Sleeper>();
  private readonly limits: Limits;

  /** @param at loads what waited when the process stopped, its waits beginning anew at `at` */
  constructor(
    private readonly options: ResidentsOptions,
    register: Register | undefined,
    at: number,
  ) {
    const { ledger, hashing, limits, bound } = options;
    this.limits = { ...DEFAULT_LIMITS, ...limits };
    this.verifier = createVerifier({ records: this.counting(ledger), hashing, limits: this.limits, ...(register && { register }) });
    for (const id of ledger.waitingSessions()) {
      if (this.touched.size < bound) this.wake(id, at);
      else this.sleep(id, at, at);
    }
  }

  /** Loads a session back with the time that it was last touched, so that its waits go on from there. */
  need(id: string): void {
    const sleeper = this.sleepers.get(id);
    if (sleeper !== undefined) this.wake(id, sleeper.since);
  }

  /** Something came of a session. */
  touch(id: string, at: number): void {
    this.touched.delete(id);
    this.touched.set(id, at);
  }

  /** The verifier judged a session, which it may have loaded by itself. */
  judged(id: string, at: number): void {
    if (!this.touched.has(id)) this.touched.set(id, at);
  }

  isWaiting(id: string): boolean {
    return !isSettled(this.verifier, id);
  }

  /** Before a tick: loads the sleepers that the passing of time may say something about. */
  wakeDue(at: number): void {
    let room = WOKEN_AT_A_TIME;
    for (const [id, { since, wakeAt }] of this.sleepers) {
      if (wakeAt > at) continue;
      if (room-- === 0) return;
      this.wake(id, since);
    }
  }

  get areCrowded(): boolean {
    return sessionsInMemory(this.verifier) > this.options.bound || this.areLaden;
  }

  /** Too many links wait behind holes: what a flood of forged numbers does. */
  private get areLaden(): boolean {
    return linksHeld(this.verifier) > this.options.bound * LINKS_HELD_PER_SESSION;
  }

  /**
   * After a tick: puts out of memory what need not be there, and what there is no room for.
   *
   * @param leaving told of each session that leaves while it waits, before it does
   */
  trim(at: number, leaving: (id: string) => void): void {
    for (const [id, since] of this.touched) {
      // A session without held links would make no room where those are what there is too much of.
      const crowded = this.areLaden ? linksHeld(this.verifier, id) > 0 : this.areCrowded;
      if (!crowded && since + SETTLED_STAY_MS > at) continue;
      const settled = isSettled(this.verifier, id);
      if (!settled && !crowded) continue;
      if (!settled) {
        leaving(id);
        this.sleep(id, since, at);
      }
      this.touched.delete(id);
      forget(this.verifier, id);
    }
  }

  /** Forgets a session that is on record no more. */
  leave(id: string): void {
    this.touched.delete(id);
    this.sleepers.delete(id);
    forget(this.verifier, id);
  }

  private counting(ledger: Ledger): Records {
    return {
      keep: (link) => {
        this.kept++;
        ledger.keep(link);
      },
      copies: (session, seq) => ledger.copies(session, seq),
      links: (session, from) => ledger.links(session, from),
      action: (session, actionId) => ledger.action(session, actionId),
      spawnsOf: (child) => ledger.spawnsOf(child),
      childrenOf: (parent) => ledger.childrenOf(parent),
      sharers: (agentId, memoryStore) => ledger.sharers(agentId, memoryStore),
      findings: (session) => ledger.findings(session),
    };
  }

  private wake(id: string, since: number): void {
    this.sleepers.delete(id);
    resume(this.verifier, [id], since);
    this.touched.set(id, since);
  }

  /** Wakes at the end of the grace period, then at that of the idle limit, then once more each idle limit. */
  private sleep(id: string, since: number, at: number): void {
    const { gapGraceMs, sessionIdleMs } = this.limits;
    const ends = [since + gapGraceMs, since + sessionIdleMs].find((end) => end > at);
    this.sleepers.set(id, { since, wakeAt: ends ?? at + sessionIdleMs });
  }
}
