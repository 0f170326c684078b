import { ATTR } from '../attributes.js';
import { isEarlier } from './meaning.js';
import { find, type SessionState } from './session-state.js';
import type { Limits, LinkCopy, Records } from './types.js';

/** A session as the memory rule sees it. */
interface Span {
  readonly state: SessionState;
  readonly start: LinkCopy;
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
  const others = new Map<string, Span>();
  for (const link of records.sharers(start.attributes[ATTR.agentId] as string, store)) {
    const state = link.session === session.id ? undefined : stateOf(link.session);
    // One whose start is unsound was there all the same: what it left is not known.
    if (state) others.set(state.id, span(state, state.meaning.start ?? link));
  }
  const self = span(session, start);
  const last = lastBefore(self, [...others.values()]);
  if (last) {
    const lastQuiet = last.state.lastArrival + limits.sessionIdleMs;
    if (lastQuiet > at) return lastQuiet;
    const alone = [...others.values()].every((other) => other === last || (!overlap(other, self) && !overlap(other, last)));
    const ended = endMemory(last.state);
    if (alone && !overlap(last, self) && ended !== undefined && ended !== start.attributes[ATTR.memory]) {
      find(session, 'memory_drift', start.seq, `memory is not as session ${last.state.id} left it: it changed while nobody was recorded`);
    }
  }
  session.driftJudged = true;
  return Number.POSITIVE_INFINITY;
}

function span(state: SessionState, start: LinkCopy): Span {
  return { state, start, from: start.time, to: state.meaning.endTime ?? state.meaning.lastTime };
}

/** The session that began last among those that began before. */
function lastBefore(self: Span, others: readonly Span[]): Span | undefined {
  let last: Span | undefined;
  for (const other of others) {
    if (!isEarlier(other.from, self.from)) continue;
    if (!last || isEarlier(last.from, other.from)) last = other;
  }
  return last;
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
