import { WIRE_VERSION } from '../attributes.js';
import type { LinkCopy, Records } from './types.js';

/** Everything held for one sequence number. */
export interface Slot {
  readonly seq: number;
  /** One copy per stated hash: the one that recomputes, else the one with the smallest preimage. */
  readonly standing: readonly LinkCopy[];
  /** The standing copy when the seq is sound: one stated hash, recomputing, of a known version. */
  readonly sound: LinkCopy | undefined;
  readonly copies: readonly LinkCopy[];
}

/** Builds the slot of copies that share a sequence number; undefined when nothing is held. */
export function slotOf(copies: readonly LinkCopy[]): Slot | undefined {
  const first = copies[0];
  if (!first) return undefined;
  if (copies.length === 1) return { seq: first.seq, standing: copies, sound: first.recomputes ? first : undefined, copies };
  const byHash = new Map<string, LinkCopy>();
  for (const copy of copies) {
    const other = byHash.get(copy.hash);
    if (!other || stands(copy, other)) byHash.set(copy.hash, copy);
  }
  const standing = [...byHash.values()].sort((a, b) => (a.hash < b.hash ? -1 : 1));
  const only = standing.length === 1 ? standing[0] : undefined;
  return { seq: first.seq, standing, sound: only?.recomputes && only.version === WIRE_VERSION ? only : undefined, copies };
}

function stands(copy: LinkCopy, other: LinkCopy): boolean {
  if (copy.recomputes !== other.recomputes) return copy.recomputes;
  return !copy.recomputes && copy.preimage < other.preimage;
}

/** The slot on record at a place, of any session. */
export function slotAt(records: Records, session: string, seq: number): Slot | undefined {
  return slotOf(records.copies(session, seq));
}

/** Whether this copy, as the records answered it, is the standing copy of a sound seq. */
export function isSound(records: Records, link: LinkCopy): boolean {
  return link.recomputes && slotAt(records, link.session, link.seq)?.sound?.hash === link.hash;
}

/** Whether `a` and `b` are one copy received twice: nothing new is learnt from the second. */
export function sameCopy(a: LinkCopy, b: LinkCopy): boolean {
  return a.hash === b.hash && a.preimage === b.preimage && (a.disclosure === b.disclosure || b.disclosure !== 'mismatch');
}
