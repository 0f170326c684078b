import type { RecordedEvent, RecordedSession, SessionHead } from './recorded.js';

/** Sessions that were counted together: those of one process, or, where they do not say, of one agent. */
export interface RecordedProcess {
  /** `custody.process.id`. */
  readonly process: string | undefined;
  /** By their start. */
  readonly sessions: readonly SessionHead[];
}

/** An event of one of several sessions; `last`: nothing more of that session follows. */
export interface OrderedEvent {
  readonly session: RecordedSession;
  readonly event: RecordedEvent;
  readonly last: boolean;
}

/** The processes of a ledger, in the order of their first sessions. */
export function processesOf(heads: readonly SessionHead[]): readonly RecordedProcess[] {
  const groups = new Map<string, SessionHead[]>();
  for (const head of [...heads].sort(byTime)) {
    const key = head.process === undefined ? `agent ${head.agent}` : `process ${head.process}`;
    const group = groups.get(key);
    if (group) group.push(head);
    else groups.set(key, [head]);
  }
  return [...groups.values()].map((sessions) => ({ process: sessions[0]?.process, sessions }));
}

interface Cursor {
  readonly session: RecordedSession;
  at: number;
}

/**
 * The events of sessions as they happened, by the time that each link states; those of one session never out of their order. Only
 * sessions that overlap are held at once: a ledger may hold more than fits into memory.
 *
 * @param heads by their start
 */
export function* inOrder(heads: readonly SessionHead[], read: (session: string) => RecordedSession): Generator<OrderedEvent> {
  const open: Cursor[] = [];
  let begun = 0;
  for (;;) {
    const [earliest] = open;
    const waiting = heads[begun];
    if (waiting && (earliest === undefined || waiting.time <= timeOf(earliest))) {
      begun++;
      const session = read(waiting.session);
      if (session.events.length > 0) insert(open, { session, at: 0 });
    } else if (earliest) {
      open.shift();
      const { session, at } = earliest;
      const last = at + 1 === session.events.length;
      yield { session, event: eventAt(earliest), last };
      if (!last) insert(open, { session, at: at + 1 });
    } else return;
  }
}

/** After those of the same time: sessions that began earlier come first. */
function insert(open: Cursor[], cursor: Cursor): void {
  const time = timeOf(cursor);
  const place = open.findIndex((other) => timeOf(other) > time);
  open.splice(place < 0 ? open.length : place, 0, cursor);
}

function eventAt({ session, at }: Cursor): RecordedEvent {
  return session.events[at] as RecordedEvent;
}

function timeOf(cursor: Cursor): bigint {
  return eventAt(cursor).time;
}

function byTime(one: SessionHead, other: SessionHead): number {
  return one.time < other.time ? -1 : one.time > other.time ? 1 : 0;
}
