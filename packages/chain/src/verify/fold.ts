import type { LinkStatus } from '../attributes.js';
import { IntervalSet } from './intervals.js';
import { excusedOutcomes, type FoldContext, foldSlot, newMeaning } from './meaning.js';
import { find, isBroken, type Jump, type SessionState } from './session-state.js';
import { type Slot, slotOf } from './slot.js';
import type { LinkCopy, Release } from './types.js';

/** Whether a link goes on from the last folded one with nothing to say against either: it need not wait for a tick. */
export function followsOn(session: SessionState, link: LinkCopy): boolean {
  if (link.seq !== session.next || !link.recomputes) return false;
  if (link.seq === 1) return link.prev === ZEROS;
  const head = session.previous?.sound;
  return head !== undefined && head.seq === link.seq - 1 && head.hash === link.prev;
}

/** Folds a link that {@link followsOn}. */
export function foldOn(session: SessionState, link: LinkCopy, context: FoldContext): void {
  const slot: Slot = { seq: link.seq, standing: [link], sound: link, copies: [link] };
  session.next = link.seq + 1;
  foldSlot(session, slot, context);
  session.previous = slot;
}

const ZEROS = '0'.repeat(64);

/**
 * Folds all that can be folded at `at`: slots that are held, and holes whose grace is over.
 *
 * @returns when the hole that it stopped at may be passed; Infinity when nothing waits
 */
export function foldHeld(session: SessionState, at: number, context: FoldContext): number {
  const waiting = [...session.ahead.keys()].sort((a, b) => a - b);
  for (const seq of waiting) {
    if (seq > session.next) {
      const due = graceEnds(session, session.next, context.limits.gapGraceMs);
      if (due > at) return due;
      passHole(session, seq);
    }
    const copies = session.ahead.get(seq) as LinkCopy[];
    session.ahead.delete(seq);
    foldNext(session, slotOf(copies) as Slot, context);
  }
  return Number.POSITIVE_INFINITY;
}

/** Repeats the fold from the records, forgetting what it found and did not report yet. */
export function refold(session: SessionState, at: number, context: FoldContext): number {
  session.meaning = newMeaning();
  session.missing = new IntervalSet();
  session.previous = undefined;
  session.next = 1;
  session.pending.clear();
  session.childless.clear();
  session.ahead.clear();
  session.stale = false;
  let due = Number.POSITIVE_INFINITY;
  for (const copies of bySeq(context.records.links(session.id, 1))) {
    const seq = (copies[0] as LinkCopy).seq;
    if (due === Number.POSITIVE_INFINITY && seq > session.next) {
      const ends = graceEnds(session, session.next, context.limits.gapGraceMs);
      if (ends > at) due = ends;
      else passHole(session, seq);
    }
    if (due === Number.POSITIVE_INFINITY) foldNext(session, slotOf(copies) as Slot, context);
    else session.ahead.set(seq, copies);
  }
  return due;
}

function* bySeq(links: Iterable<LinkCopy>): Iterable<LinkCopy[]> {
  let copies: LinkCopy[] = [];
  for (const link of links) {
    if (copies.length > 0 && (copies[0] as LinkCopy).seq !== link.seq) {
      yield copies;
      copies = [];
    }
    copies.push(link);
  }
  if (copies.length > 0) yield copies;
}

function foldNext(session: SessionState, slot: Slot, context: FoldContext): void {
  session.next = slot.seq + 1;
  checkPrevious(session, slot);
  foldSlot(session, slot, context);
  session.previous = slot;
}

/** `broken_link`: what a link names as its predecessor must be one of those held, whichever copy of each hash stands. */
function checkPrevious(session: SessionState, slot: Slot): void {
  const before = session.previous?.seq === slot.seq - 1 ? session.previous : undefined;
  if (slot.seq > 1 && !before) return; // its predecessor is missing: nothing to hold it against
  const hashes = before ? before.standing.map((copy) => copy.hash) : [ZEROS];
  if (slot.standing.every((copy) => hashes.includes(copy.prev))) return;
  find(
    session,
    'broken_link',
    slot.seq,
    slot.seq === 1 ? 'the first link names a predecessor' : `its custody.link.prev is not the hash of link ${slot.seq - 1}`,
  );
}

/** When the grace of the hole that begins at `first` is over. */
function graceEnds(session: SessionState, first: number, graceMs: number): number {
  if (first < session.graceEndedBelow) return 0;
  const jump = session.jumps.find((candidate) => candidate.last >= first);
  return (jump?.since ?? session.lastArrival) + graceMs;
}

function passHole(session: SessionState, upTo: number): void {
  session.missing.add(session.next, upTo - 1);
  session.graceEndedBelow = Math.max(session.graceEndedBelow, upTo);
  session.jumps = session.jumps.filter((jump: Jump) => jump.last >= upTo);
  session.next = upTo;
}

/** Finds what can be said only once all that is held was folded. */
export function concludeOutcomes(session: SessionState): void {
  const { unannounced } = session.meaning.actions;
  if (unannounced.length === 0) return;
  const excused = excusedOutcomes(session);
  for (const { link } of unannounced)
    if (!excused.has(link.seq)) find(session, 'outcome_without_intent', link.seq, 'no intent announced this action');
}

/** The links that need not wait any longer, with the status to forward them with. */
export function releases(session: SessionState): Release[] {
  const out: Release[] = [];
  for (const seq of session.waiting) {
    if (seq >= session.next) continue;
    session.waiting.delete(seq);
    out.push({ session: session.id, seq, status: statusOf(session, seq) });
  }
  return out.sort((a, b) => a.seq - b.seq);
}

/** `broken` with a finding against integrity, `held` right behind a hole whose grace ended, else `linked`. */
export function statusOf(session: SessionState, seq: number): LinkStatus {
  if (isBroken(session, seq)) return 'broken';
  return session.missing.has(seq - 1) ? 'held' : 'linked';
}
