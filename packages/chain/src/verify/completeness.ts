// What is missing: raised once it is due, healed when it comes after all. Each rule computes what is missing now; the difference to
// what is on record is raised, raised anew, or healed.

import { ATTR } from '../attributes.js';
import { FINDING_RULES, type Finding, type FindingCode } from '../findings.js';
import type { Interval, IntervalSet } from './intervals.js';
import { findingKey, type Pending, type SessionState } from './session-state.js';
import { slotAt, slotOf } from './slot.js';
import type { Limits, Records } from './types.js';

/** The findings `gap` and `missing_start` as of now. */
export function judgeGaps(session: SessionState, emit: Emit): void {
  const runs = new Map<number, Interval>();
  let start: Interval | undefined;
  const [first] = session.missing.intervals;
  if (first && first[0] === 1) start = first;
  if (first) for (const run of session.missing.minus(declared(session))) if (!start || run[0] > start[1]) runs.set(run[0], run);
  if (start) emit.raiseRun('missing_start', start);
  else emit.heal('missing_start', 1);
  for (const run of runs.values()) emit.raiseRun('gap', run);
  for (const finding of emit.active('gap')) if (finding.seq < session.next && !runs.has(finding.seq)) emit.heal('gap', finding.seq);
}

/** What sound losses name, those that wait behind another hole included: they were received. */
function declared(session: SessionState): IntervalSet {
  const all = session.meaning.declared.copy();
  if (session.meaning.end !== undefined) return all;
  for (const copies of session.ahead.values()) {
    const sound = slotOf(copies)?.sound;
    if (sound?.kind === 'loss') all.add(sound.attributes[ATTR.lossFirst] as number, sound.attributes[ATTR.lossLast] as number);
  }
  return all;
}

/** `unclosed`, and `unfinished_action` of what is open when the session ends or is unclosed. */
export function judgeOpenEnd(session: SessionState, at: number, limits: Limits, emit: Emit): void {
  const { meaning } = session;
  if (session.held === 0) return;
  const blocked = session.ahead.size > 0;
  const ended = meaning.end !== undefined || endsAhead(session);
  const silent = session.lastArrival + limits.sessionIdleMs <= at;
  // A link that came since may be followed by silence again before anyone looks: it heals what stood at the seq before it.
  for (const { seq } of emit.active('unclosed')) if (ended || !silent || seq !== session.highest) emit.heal('unclosed', seq);
  if (!ended && silent) emit.raise('unclosed', session.highest, 'no session.end within the idle limit');
  if (blocked) return; // what waits behind a hole may hold the outcomes
  const open = new Set<number>();
  if (meaning.end !== undefined || silent) {
    const { open: inFlight, spared } = meaning.actions;
    for (const [id, { intent }] of inFlight) if (!spared.has(id)) open.add(intent.seq);
  }
  for (const finding of emit.active('unfinished_action')) if (!open.has(finding.seq)) emit.heal('unfinished_action', finding.seq);
  for (const seq of open) emit.raise('unfinished_action', seq, 'an intent whose outcome never came');
}

function endsAhead(session: SessionState): boolean {
  for (const copies of session.ahead.values()) if (copies.some((copy) => copy.kind === 'session.end')) return true;
  return false;
}

/** Raises, raises anew and heals: the identity of a finding is its session, code and seq. */
export class Emit {
  readonly findings: Finding[] = [];
  private readonly session: SessionState;
  private readonly records: Records;

  constructor(session: SessionState, records: Records) {
    this.session = session;
    this.records = records;
  }

  /** Reports everything that the fold noted. */
  flush(): void {
    this.flushLasting();
    const { pending } = this.session;
    for (const { code, seq, detail } of pending.values()) this.raise(code, seq, detail);
    pending.clear();
  }

  /** Reports what was noted on arrival and no other arrival can undo. */
  flushLasting(): void {
    const { lasting } = this.session;
    for (const { code, seq, detail, span } of lasting.values()) this.raise(code, seq, detail, span);
    lasting.clear();
  }

  *active(code: FindingCode): Iterable<Finding> {
    for (const finding of [...this.session.findings.values()]) if (finding.code === code && !finding.healed) yield finding;
  }

  raise(code: FindingCode, seq: number, detail: string, span: Pending['span'] = this.spanOf(seq)): void {
    const key = findingKey(code, seq);
    const known = this.session.findings.get(key);
    if (known && !known.healed) return;
    this.put({
      session: this.session.id,
      code,
      severity: FINDING_RULES[code].severity,
      seq,
      detail,
      healed: false,
      traceId: span?.traceId ?? this.session.previous?.standing[0]?.traceId ?? '',
      spanId: span?.spanId ?? '',
    });
  }

  /** Raises what says that a run of numbers is missing; one that was partly filled is healed and raised anew. */
  raiseRun(code: 'gap' | 'missing_start', [from, to]: Interval): void {
    const detail = from === to ? `link ${from} never came` : `links ${from} to ${to} never came`;
    const known = this.session.findings.get(findingKey(code, from));
    if (known && known.detail !== detail) this.heal(code, from);
    this.raise(code, from, detail);
  }

  heal(code: FindingCode, seq: number): void {
    const known = this.session.findings.get(findingKey(code, seq));
    if (!known || known.healed) return;
    this.put({ ...known, healed: true });
    this.raise('late', seq, `${code}: what was missing came after this was found`);
  }

  private put(finding: Finding): void {
    this.session.findings.set(findingKey(finding.code, finding.seq), finding);
    this.findings.push(finding);
  }

  private spanOf(seq: number): Pending['span'] {
    const { previous, ahead, highest, id } = this.session;
    if (previous?.seq === seq) return previous.standing[0];
    if (seq > highest) return undefined;
    return (slotOf(ahead.get(seq) ?? []) ?? slotAt(this.records, id, seq))?.standing[0];
  }
}
