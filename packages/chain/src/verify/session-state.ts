import { FINDING_RULES, type Finding, type FindingCode } from '../findings.js';
import { IntervalSet } from './intervals.js';
import { type Meaning, newMeaning } from './meaning.js';
import type { Slot } from './slot.js';
import type { LinkCopy } from './types.js';

/** A stretch of numbers that were not there when a link above them came. */
export interface Jump {
  readonly first: number;
  readonly last: number;
  /** When the link above came, ms. */
  readonly since: number;
}

/**
 * What the verifier holds in memory of one session. Links are taken in as they come; they are *folded*, in order of seq, into
 * {@link Meaning}. What cannot be folded yet waits in {@link ahead}. When something arrives for a place that was folded already
 * the fold is `stale`: the next tick repeats it from the records, so that findings depend on the set received and not on its order.
 */
export interface SessionState {
  readonly id: string;
  /** The lowest seq that is not folded. */
  next: number;
  highest: number;
  /** Links below were there at the last tick. */
  judgedTo: number;
  /** Sequence numbers held. */
  held: number;
  /** Copies that wait, by seq. */
  readonly ahead: Map<number, LinkCopy[]>;
  jumps: Jump[];
  /** Holes that begin below this one have had their grace. */
  graceEndedBelow: number;
  /** Numbers below `next` that are missing. */
  missing: IntervalSet;
  /** The last folded slot. */
  previous: Slot | undefined;
  meaning: Meaning;
  stale: boolean;
  refoldAfter: number;
  /** Something happened since the last tick. */
  dirty: boolean;
  lastArrival: number;
  /** The next time at which something may become due. */
  deadline: number;
  /** Found by the fold or on arrival; reported at the next tick. */
  pending: Map<string, Pending>;
  /** Found on arrival, whatever a repeated fold says. */
  lasting: Map<string, Pending>;
  /** On record, by code and seq. */
  readonly findings: Map<string, Finding>;
  /** Links that wait for a status to be forwarded with. */
  readonly waiting: Set<number>;
  /** When its start was taken in, ms: for what a start waits for. */
  startedAt: number;
  /** Spawns whose child has not shown, by seq. */
  readonly childless: Map<number, { readonly spawn: LinkCopy; readonly since: number }>;
  /** The parent that its start names is not on record. */
  orphaned: boolean;
  /** Its start has to be held against what is on record of its parent: it is new, or something of the parent's is. */
  lineageDue: boolean;
  driftJudged: boolean;
  /** Bounds that were passed: each is told once, at the first link that could not be kept. */
  readonly overflowed: Set<Bound>;
  /** The register had entries for its agent when a state of it was judged. */
  registered: boolean;
}

/** What is bounded per session; the copies of one seq are bounded per seq. */
export type Bound = 'held' | 'actions' | 'outcomes' | 'children';

export interface Pending {
  readonly code: FindingCode;
  readonly seq: number;
  readonly detail: string;
  /** The span that it is about; by default the one that is held for the seq. */
  readonly span?: { readonly traceId: string; readonly spanId: string };
}

export function newSession(id: string, at: number): SessionState {
  return {
    id,
    next: 1,
    highest: 0,
    judgedTo: 1,
    held: 0,
    ahead: new Map(),
    jumps: [],
    graceEndedBelow: 0,
    missing: new IntervalSet(),
    previous: undefined,
    meaning: newMeaning(),
    stale: false,
    refoldAfter: 0,
    dirty: true,
    lastArrival: at,
    deadline: 0,
    pending: new Map(),
    lasting: new Map(),
    findings: new Map(),
    waiting: new Set(),
    startedAt: at,
    childless: new Map(),
    orphaned: false,
    lineageDue: true,
    driftJudged: false,
    overflowed: new Set(),
    registered: false,
  };
}

export const findingKey = (code: FindingCode, seq: number): string => `${code}@${seq}`;

/** Notes a finding of the fold: void should the fold be repeated before the next tick. */
export function find(session: SessionState, code: FindingCode, seq: number, detail: string): void {
  const key = findingKey(code, seq);
  if (!session.pending.has(key)) session.pending.set(key, { code, seq, detail });
  session.dirty = true;
}

/** Notes a finding about a copy itself: no other arrival can undo it. */
export function findForGood(session: SessionState, code: FindingCode, seq: number, detail: string, span?: Pending['span']): void {
  const key = findingKey(code, seq);
  if (!session.lasting.has(key)) session.lasting.set(key, { code, seq, detail, ...(span && { span }) });
  session.dirty = true;
}

/** Notes that a bound was passed: once, or a flood past it would be as many findings. */
export function overflow(session: SessionState, bound: Bound, seq: number, detail: string): void {
  if (session.overflowed.has(bound)) return;
  session.overflowed.add(bound);
  findForGood(session, 'overflow', seq, detail);
}

/** Whether a finding against integrity speaks of this seq, on record or about to be. */
export function isBroken(session: SessionState, seq: number): boolean {
  if (session.findings.size + session.pending.size + session.lasting.size === 0) return false;
  for (const code of BREAKING) {
    const key = findingKey(code, seq);
    if (session.findings.has(key) || session.pending.has(key) || session.lasting.has(key)) return true;
  }
  return false;
}

const BREAKING = (Object.keys(FINDING_RULES) as FindingCode[]).filter((code) => FINDING_RULES[code].against === 'integrity');
