import type { LinkStatus } from '../attributes.js';
import { foldOn, followsOn, statusOf } from './fold.js';
import type { FoldContext } from './meaning.js';
import { findForGood, isBroken, overflow, type SessionState } from './session-state.js';
import { sameCopy } from './slot.js';
import type { LinkCopy } from './types.js';

/**
 * Takes a copy in. What goes on from the head is folded at once; everything else waits for the next tick, so that what is found
 * depends on the set that came and not on its order.
 */
export function takeIn(session: SessionState, link: LinkCopy, at: number, context: FoldContext): LinkStatus | 'duplicate' {
  const { records, limits } = context;
  const known = link.seq > session.highest ? [] : (session.ahead.get(link.seq) ?? records.copies(session.id, link.seq));
  const same = known.find((copy) => sameCopy(copy, link));
  if (same) return isDuplicate(link) ? 'duplicate' : 'broken';
  if (known.length >= limits.copiesPerSeq) {
    findForGood(session, 'overflow', link.seq, `more than ${limits.copiesPerSeq} different copies of one link`);
    return 'broken';
  }
  if (link.seq > session.next && session.ahead.size >= limits.heldLinks && !session.ahead.has(link.seq)) {
    overflow(session, 'held', link.seq, `more than ${limits.heldLinks} links wait behind a hole`);
    return 'broken';
  }
  records.keep(link);
  findInCopy(session, link, known);
  session.dirty = true;
  session.lastArrival = at;
  if (known.length === 0) session.held++;
  noteJump(session, link.seq, at);
  if (link.seq === 1 && known.length === 0) session.startedAt = at;
  if (link.seq < session.next) {
    // A hole that is filled, or a second word on a link: the fold has to be repeated.
    session.stale = true;
    if (known.length > 0) return isBroken(session, link.seq) ? 'broken' : 'linked';
    session.waiting.add(link.seq);
    return 'held';
  }
  if (!session.stale && known.length === 0 && followsOn(session, link)) {
    foldOn(session, link, context);
    while (!session.stale) {
      const copies = session.ahead.get(session.next);
      const next = copies?.length === 1 ? copies[0] : undefined;
      if (!next || !followsOn(session, next)) break;
      session.ahead.delete(next.seq);
      foldOn(session, next, context);
    }
    return statusOf(session, link.seq);
  }
  session.ahead.set(link.seq, [...known, link]);
  session.waiting.add(link.seq);
  return 'held';
}

/** A true duplicate recomputes and its content matches; an edited copy sent twice is evidence twice over. */
function isDuplicate(link: LinkCopy): boolean {
  return link.disclosure !== 'mismatch' && (link.recomputes || link.version !== 1);
}

/** What is wrong with a copy whatever else comes. */
function findInCopy(session: SessionState, link: LinkCopy, known: readonly LinkCopy[]): void {
  if (!link.recomputes && link.version === 1) {
    findForGood(
      session,
      'content_mismatch',
      link.seq,
      'its attributes do not give the hash that it states: a covered value was changed',
      link,
    );
  }
  if (link.disclosure === 'mismatch') {
    findForGood(session, 'disclosure_mismatch', link.seq, 'disclosed content does not match its digest under its salt', link);
  }
  if (known.some((copy) => copy.hash !== link.hash)) {
    findForGood(session, 'fork', link.seq, 'two links with different hashes for one place in the chain', link);
  }
}

function noteJump(session: SessionState, seq: number, at: number): void {
  if (seq <= session.highest) return;
  if (seq > session.highest + 1) session.jumps.push({ first: session.highest + 1, last: seq - 1, since: at });
  session.highest = seq;
}
