// Children and parents: rules that look into other sessions. An unsound parent, spawn or start raises nothing about lineage.

import { ATTR } from '../attributes.js';
import type { Emit } from './completeness.js';
import { isEarlier } from './meaning.js';
import { find, type SessionState } from './session-state.js';
import { isSound, slotAt } from './slot.js';
import type { Limits, LinkCopy, Records } from './types.js';

/** The sound spawns that announce this start: the child's own word of its parent must be one of them. */
function announcers(records: Records, start: LinkCopy): LinkCopy[] {
  const sound = records.spawnsOf(start.session).filter((spawn) => isSound(records, spawn));
  // One that came after the child had started cannot claim it, unless the child itself names it.
  return sound.filter((spawn) => names(start, spawn) || !isEarlier(start.time, spawn.time));
}

function names(start: LinkCopy, parent: LinkCopy): boolean {
  return (
    start.attributes[ATTR.parentSessionId] === parent.session &&
    start.attributes[ATTR.parentSeq] === parent.seq &&
    start.attributes[ATTR.parentHash] === parent.hash
  );
}

/** `parent_mismatch` and `orphan_child` at a sound session.start. Answers when it must be asked again. */
export function judgeStart(session: SessionState, start: LinkCopy, at: number, limits: Limits, records: Records, emit: Emit): number {
  session.orphaned = false;
  const announced = announcers(records, start);
  const parentSession = start.attributes[ATTR.parentSessionId];
  if (typeof parentSession !== 'string') {
    if (announced.length > 0) mismatch(session, 'announced by a child.spawn, it names no parent');
    return Number.POSITIVE_INFINITY;
  }
  const slot = slotAt(records, parentSession, start.attributes[ATTR.parentSeq] as number);
  if (!slot) {
    session.orphaned = true;
    const due = session.startedAt + limits.gapGraceMs;
    if (due > at) return due;
    emit.raise('orphan_child', 1, 'the link that it names as its parent is not on record');
    if (announced.length > 0) mismatch(session, 'announced by a child.spawn, it names another parent');
    return Number.POSITIVE_INFINITY;
  }
  emit.heal('orphan_child', 1);
  const parent = slot.sound;
  if (!parent) return Number.POSITIVE_INFINITY;
  if (parent.hash !== start.attributes[ATTR.parentHash]) mismatch(session, 'the link that it names as its parent has another hash');
  else if (!isParent(records, parent, session.id))
    mismatch(session, 'the link that it names as its parent neither spawned it nor was an action that ran');
  else if (announced.length > 0 && !announced.some((spawn) => names(start, spawn))) {
    mismatch(session, 'announced by a child.spawn, it names another parent');
  }
  return Number.POSITIVE_INFINITY;
}

function mismatch(session: SessionState, detail: string): void {
  find(session, 'parent_mismatch', 1, detail);
}

/** A child.spawn that names the child, or an action that was not denied (a child in another process). */
function isParent(records: Records, parent: LinkCopy, child: string): boolean {
  if (parent.kind === 'child.spawn') return parent.attributes[ATTR.childSessionId] === child;
  if (parent.kind !== 'action.intent' || parent.attributes[ATTR.policyDecision] === 'deny') return false;
  return !records
    .action(parent.session, parent.attributes[ATTR.actionId] as string)
    .some((link) => link.kind === 'approval' && link.attributes[ATTR.approvalDecision] === 'denied' && isSound(records, link));
}

/** `missing_child` at the session's spawns. Answers when it must be asked again. */
export function judgeSpawns(session: SessionState, at: number, limits: Limits, records: Records, emit: Emit): number {
  let next = Number.POSITIVE_INFINITY;
  for (const [seq, { spawn, since }] of session.childless) {
    const child = spawn.attributes[ATTR.childSessionId] as string;
    const slot = slotAt(records, child, 1);
    const start = slot?.sound;
    // An unsound start raises nothing: what it said before it was edited is not known.
    if (slot && (!start || (start.kind === 'session.start' && names(start, spawn)))) {
      session.childless.delete(seq);
      emit.heal('missing_child', seq);
      continue;
    }
    const due = since + limits.sessionIdleMs;
    if (due <= at) emit.raise('missing_child', seq, `no session.start of ${child} names this link as its parent`);
    else next = Math.min(next, due);
  }
  return next;
}
