import type { EvidenceLoss } from './types.js';

/** Sessions with a loss still to be declared that are remembered; beyond, those that were quiet longest are forgotten. */
const MAX_SESSIONS = 1024;
/** Ranges remembered of one session; beyond, the last one is widened over what lies between, which arrived after all. */
const MAX_RANGES = 64;

interface Range {
  readonly first: number;
  readonly last: number;
  readonly reason: string;
}

/** The links that were lost and not declared yet, as ranges by session. */
export class LossBook {
  private readonly sessions = new Map<string, Range[]>();

  get isEmpty(): boolean {
    return this.sessions.size === 0;
  }

  /** Answers a session that had to be forgotten to make room; the verifier will call its missing links a gap. */
  note(loss: EvidenceLoss): string | undefined {
    const ranges = this.sessions.get(loss.session) ?? [];
    this.sessions.delete(loss.session);
    this.sessions.set(loss.session, withRange(ranges, loss));
    if (this.sessions.size <= MAX_SESSIONS) return undefined;
    const oldest = this.sessions.keys().next().value as string;
    this.sessions.delete(oldest);
    return oldest;
  }

  /** The losses of a session, in the order of their links; they are then no longer in the book. */
  take(session: string): EvidenceLoss[] {
    const ranges = this.sessions.get(session);
    if (ranges === undefined) return [];
    this.sessions.delete(session);
    return ranges.map((range) => ({ session, ...range }));
  }
}

function withRange(ranges: readonly Range[], { first, last, reason }: EvidenceLoss): Range[] {
  const sorted = [...ranges, { first, last, reason }].sort((a, b) => a.first - b.first);
  const merged: Range[] = [];
  for (const range of sorted) {
    const before = merged.at(-1);
    const joins = before !== undefined && range.reason === before.reason && range.first <= before.last + 1;
    if (joins || (before !== undefined && merged.length >= MAX_RANGES)) {
      merged[merged.length - 1] = { ...before, last: Math.max(before.last, range.last) };
    } else merged.push(range);
  }
  return merged;
}
