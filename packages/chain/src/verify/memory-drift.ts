import { ATTR } from '../attributes.js';
import { isEarlier } from './meaning.js';
import { find, type SessionState } from './session-state.js';
import type { Limits, LinkCopy, Records } from './types.js';

/** The start of a session with the same memory. */
type Sharer = ReturnType<Records['sharers']>[number];

/** The time that a session took, by its links. */
interface Span {
  readonly from: string;
  readonly to: string;
}

/**
 * `memory_drift`: a session's memory at its start against that at the end of the last one with the same agent and store, which must
 * have ended properly, with no other session of that store overlapping either: it changed while nobody was recorded.
 *
 * @param stateOf loads a session
 * @returns when it must be asked again
 */
export function judgeMemory(
  session: SessionState,
  at: number,
  limits: Limits,
  records: Records,
  stateOf: (id: string) => SessionState | undefined,
): number {
  const { start } = session.meaning;
  const store = start?.attributes[ATTR.memoryStore];
  if (!start || typeof store !== 'string') {
    session.driftJudged = start !== undefined;
    return Number.POSITIVE_INFINITY;
  }
  const quiet = session.lastArrival + limits.sessionIdleMs;
  if (quiet > at) return quiet;
  const others = records.sharers(start.attributes[ATTR.agentId] as string, store).filter((link) => link.session !== session.id);
  const last = lastBefore(start, others);
  const state = last && stateOf(last.session);
  if (last && state) {
    const lastQuiet = state.lastArrival + limits.sessionIdleMs;
    if (lastQuiet > at) return lastQuiet;
    const left = endMemory(state);
    // Only a difference makes it worth looking at every other session of the store.
    if (left !== undefined && left !== start.attributes[ATTR.memory]) {
      const spans = [span(session, start), span(state, last)] as const;
      const apart = !overlap(...spans) && others.every((link) => link.session === last.session || isApart(link, spans, stateOf));
      if (apart)
        find(session, 'memory_drift', start.seq, `memory is not as session ${last.session} left it: it changed while nobody was recorded`);
    }
  }
  session.driftJudged = true;
  return Number.POSITIVE_INFINITY;
}

/** The start of the session that began last among those that began before. */
function lastBefore(start: LinkCopy, others: readonly Sharer[]): Sharer | undefined {
  let last: Sharer | undefined;
  for (const other of others) {
    if (isEarlier(other.time, start.time) && (!last || isEarlier(last.time, other.time))) last = other;
  }
  return last;
}

/** One whose start is unsound was there all the same. */
function isApart(start: Sharer, spans: readonly Span[], stateOf: (id: string) => SessionState | undefined): boolean {
  const state = stateOf(start.session);
  if (!state) return true;
  const own = span(state, start);
  return spans.every((other) => !overlap(own, other));
}

function span(state: SessionState, start: Sharer): Span {
  return { from: state.meaning.start?.time ?? start.time, to: state.meaning.endTime ?? state.meaning.lastTime };
}

function overlap(a: Span, b: Span): boolean {
  return !isEarlier(a.to, b.from) && !isEarlier(b.to, a.from);
}

/** The memory that a properly ended session left; undefined when a hole may hide a change. */
function endMemory(state: SessionState): string | undefined {
  const { meaning, missing } = state;
  if (meaning.start === undefined || meaning.endTime === undefined || meaning.unsound > 0 || missing.intervals.length > 0) return undefined;
  return meaning.fingerprints.latest['memory'];
}
