import { ATTR } from '../attributes.js';
import { FINDING_RULES, type Finding } from '../findings.js';
import { type Hashing, portableHashing } from '../hashing.js';
import { entriesFor, type Register } from '../register.js';
import { Emit, judgeGaps, judgeOpenEnd } from './completeness.js';
import { concludeOutcomes, foldHeld, refold, releases } from './fold.js';
import { takeIn } from './intake.js';
import { judgeSpawns, judgeStart } from './lineage.js';
import type { FoldContext } from './meaning.js';
import { judgeMemory } from './memory-drift.js';
import { findForGood, findingKey, newSession, type SessionState } from './session-state.js';
import type { Limits, Release, SessionReport, StepResult, VerifierEvent, VerifierOptions } from './types.js';
import { verdictOf } from './verdict.js';

/** SPEC.md, "Findings", defaults. */
export const DEFAULT_LIMITS: Limits = {
  gapGraceMs: 30_000,
  sessionIdleMs: 900_000,
  heldLinks: 10_000,
  openActions: 10_000,
  copiesPerSeq: 8,
};

/** How long a session whose fold must be repeated waits at least, per link: what keeps a flood of late copies from costing n². */
const REFOLD_MS_PER_LINK = 0.02;

/** Opaque: hand it to {@link step}, which changes it in place. */
export interface VerifierState {
  readonly context: FoldContext;
  register: Register | undefined;
  readonly sessions: Map<string, SessionState>;
  /** Sessions of which something came, or that something else woke, since the last tick. */
  readonly awake: Set<SessionState>;
  /** Links in memory that wait behind holes, of all sessions. */
  linksHeld: number;
  /** No session has a deadline before this. */
  nextDeadline: number;
  /** Sessions by the session of the parent that they wait for. */
  readonly orphansOf: Map<string, Set<string>>;
  now: number;
}

/**
 * A verifier: a state machine without I/O or clock, whose memory is the records it is given. Links go in as they come, what is
 * wrong with one by itself is told at once, and judgement on the session is passed at ticks; with the same records at the same times
 * it always finds the same.
 *
 * @example
 * const state = createVerifier({ records: new MemoryRecords() });
 * for (const link of links) step(state, { type: 'link', link, at: 0 });
 * const { findings } = step(state, { type: 'tick', at: Infinity }); // at rest
 */
export function createVerifier(options: VerifierOptions & { readonly hashing?: Hashing }): VerifierState {
  const state: VerifierState = {
    context: {
      records: options.records,
      limits: { ...DEFAULT_LIMITS, ...options.limits },
      hashing: options.hashing ?? portableHashing,
      entriesFor: (agent) => entriesFor(state.register, agent),
    },
    register: options.register,
    sessions: new Map(),
    awake: new Set(),
    linksHeld: 0,
    nextDeadline: Number.POSITIVE_INFINITY,
    orphansOf: new Map(),
    now: Number.NEGATIVE_INFINITY,
  };
  return state;
}

/** Takes one event in: a link, a malformed span, or time. See {@link StepResult} for what comes of it. */
export function step(state: VerifierState, event: VerifierEvent): StepResult {
  switch (event.type) {
    case 'link': {
      const session = load(state, event.link.session, event.at);
      const status = counting(state, session, () => takeIn(session, event.link, event.at, state.context));
      if (session.dirty) state.awake.add(session);
      return { ...NOTHING, findings: told(state, session), status, touched: status === 'duplicate' ? [] : [session.id] };
    }
    case 'malformed': {
      const { session: id, seq, detail, traceId, spanId } = event;
      if (id === '')
        return {
          ...NOTHING,
          findings: [{ session: '', code: 'malformed', ...FINDING_RULES.malformed, seq: 0, detail, healed: false, traceId, spanId }],
        };
      const session = load(state, id, event.at);
      findForGood(session, 'malformed', seq, detail, { traceId, spanId });
      state.awake.add(session);
      return { ...NOTHING, findings: told(state, session), touched: [id] };
    }
    case 'divergence': {
      const session = load(state, event.session, event.at);
      const emit = new Emit(session, state.context.records);
      if (event.healed) emit.heal('tempo_divergence', event.seq);
      else emit.raise('tempo_divergence', event.seq, event.detail, event);
      return { ...NOTHING, findings: emit.findings, touched: emit.findings.length > 0 ? [event.session] : [] };
    }
    case 'tick':
      return tick(state, event.at);
    default:
      return event satisfies never;
  }
}

/** What is wrong with an arrival whatever else comes is told at once: a malformed span leaves nothing on record to find it again in. */
function told(state: VerifierState, session: SessionState): readonly Finding[] {
  if (session.lasting.size === 0) return NOTHING.findings;
  const emit = new Emit(session, state.context.records);
  emit.flushLasting();
  return emit.findings;
}

const NOTHING: StepResult = { findings: [], status: undefined, released: [], touched: [] };

function tick(state: VerifierState, at: number): StepResult {
  state.now = at;
  const findings: Finding[] = [];
  const released: Release[] = [];
  const touched = new Set<string>();
  // Judging a session can wake another one: a parent that came, a child that showed.
  for (let round = 0; round < 4; round++) {
    const due = takeDue(state, at);
    if (due.length === 0) break;
    // All are folded before any is judged: the memory rule looks into other sessions.
    const folded = due.map((session) => ({ session, ...foldDue(state, session, at) }));
    for (const { session, from, wakeAt } of folded) {
      findings.push(...judge(state, session, at, from, wakeAt));
      released.push(...releases(session));
      touched.add(session.id);
    }
  }
  return { findings, status: undefined, released, touched: [...touched] };
}

/** The sessions to be judged now. Those without news are looked through only when a deadline of theirs has come. */
function takeDue(state: VerifierState, at: number): SessionState[] {
  const due: SessionState[] = [];
  for (const session of state.awake) {
    // A fold that is rationed waits for its turn.
    if (session.stale && session.refoldAfter > at) continue;
    state.awake.delete(session);
    due.push(session);
  }
  if (state.nextDeadline > at || state.nextDeadline === Number.POSITIVE_INFINITY) return due;
  const taken = new Set(due);
  state.nextDeadline = Number.POSITIVE_INFINITY;
  for (const session of state.sessions.values()) {
    if (taken.has(session) || state.awake.has(session)) continue;
    if (session.deadline > at || session.deadline === Number.POSITIVE_INFINITY)
      state.nextDeadline = Math.min(state.nextDeadline, session.deadline);
    else due.push(session);
  }
  return due;
}

/** Keeps {@link VerifierState.linksHeld} while something is done to a session. */
function counting<T>(state: VerifierState, session: SessionState, act: () => T): T {
  const before = session.ahead.size;
  const result = act();
  state.linksHeld += session.ahead.size - before;
  return result;
}

function foldDue(state: VerifierState, session: SessionState, at: number): { readonly from: number; readonly wakeAt: number } {
  if (!session.stale) return { from: session.judgedTo, wakeAt: counting(state, session, () => foldHeld(session, at, state.context)) };
  session.refoldAfter = at + session.held * REFOLD_MS_PER_LINK;
  return { from: 1, wakeAt: counting(state, session, () => refold(session, at, state.context)) };
}

/** Passes judgement on one session as of `at`, whose links from `from` on are new or folded anew. */
function judge(state: VerifierState, session: SessionState, at: number, from: number, wakeAt: number): readonly Finding[] {
  const { limits, records } = state.context;
  const emit = new Emit(session, records);
  session.dirty = false;
  concludeOutcomes(session);
  const due = [wakeAt, judgeLineage(state, session, at, emit, from)];
  if (!session.driftJudged) due.push(judgeMemory(session, at, limits, records, (id) => find(state, id, at)));
  emit.flush();
  judgeGaps(session, emit);
  judgeOpenEnd(session, at, limits, emit);
  if (session.meaning.end === undefined && session.held > 0) {
    const silent = session.lastArrival + limits.sessionIdleMs;
    if (silent > at) due.push(silent);
  }
  session.judgedTo = session.next;
  session.dirty = false;
  session.deadline = Math.min(...due);
  state.nextDeadline = Math.min(state.nextDeadline, session.deadline);
  return emit.findings;
}

function judgeLineage(state: VerifierState, session: SessionState, at: number, emit: Emit, from: number): number {
  const { limits, records } = state.context;
  const { start } = session.meaning;
  let due = Number.POSITIVE_INFINITY;
  if (start && (session.lineageDue || session.orphaned || from === 1)) {
    const parent = start.attributes[ATTR.parentSessionId];
    session.lineageDue = false;
    due = judgeStart(session, start, at, limits, records, emit);
    if (session.orphaned && typeof parent === 'string') waitFor(state, parent, session.id);
    // Whoever announced it hears that it is there.
    if (from === 1) for (const spawn of records.spawnsOf(session.id)) wake(state, spawn.session, at);
  }
  if (session.childless.size > 0) {
    for (const [seq, { spawn }] of session.childless) if (seq >= from) wake(state, spawn.attributes[ATTR.childSessionId] as string, at);
    due = Math.min(due, judgeSpawns(session, at, limits, records, emit));
  }
  for (const child of state.orphansOf.get(session.id) ?? []) wake(state, child, at);
  if (from === 1) {
    state.orphansOf.delete(session.id);
    for (const child of records.childrenOf(session.id)) wake(state, child.session, at);
  }
  return due;
}

function waitFor(state: VerifierState, parent: string, child: string): void {
  const children = state.orphansOf.get(parent);
  if (children) children.add(child);
  else state.orphansOf.set(parent, new Set([child]));
}

/** Has a session judged again, if anything of it is on record. */
function wake(state: VerifierState, id: string, at: number): void {
  const session = find(state, id, at);
  if (!session) return;
  session.dirty = true;
  session.lineageDue = true;
  state.awake.add(session);
}

/** A session that is in memory or on record. */
function find(state: VerifierState, id: string, at: number): SessionState | undefined {
  const known = state.sessions.get(id);
  if (known) return known;
  for (const _ of state.context.records.links(id, 1)) return load(state, id, at);
  return undefined;
}

/** A session from memory, else from the records; all waits of what is loaded begin at `at`. */
function load(state: VerifierState, id: string, at: number): SessionState {
  const known = state.sessions.get(id);
  if (known) return known;
  const session = newSession(id, at);
  state.sessions.set(id, session);
  state.awake.add(session);
  for (const finding of state.context.records.findings(id)) {
    session.findings.set(findingKey(finding.code, finding.seq), finding);
    if (finding.code === 'overflow') session.overflowed.add('held');
    if (finding.healed) continue;
    if (finding.code === 'gap' || finding.code === 'missing_start')
      session.graceEndedBelow = Math.max(session.graceEndedBelow, finding.seq + 1);
    // Already said: only another link can take it back, not the passing of time.
    if (finding.code === 'unclosed') session.lastArrival = Number.NEGATIVE_INFINITY;
  }
  let last = 0;
  for (const link of state.context.records.links(id, 1)) {
    if (link.seq > last + 1) session.jumps.push({ first: last + 1, last: link.seq - 1, since: at });
    if (link.seq > last) session.held++;
    last = link.seq;
  }
  session.highest = last;
  if (last > 0) {
    counting(state, session, () => refold(session, at, state.context));
    // The copies are on record, and what was found in them too.
    for (const key of session.pending.keys()) if (session.findings.has(key)) session.pending.delete(key);
  }
  return session;
}

/**
 * Loads sessions that were open when the process stopped. All their waits begin anew at `at`: time in which nothing could arrive
 * does not count. Links that were held get no {@link Release} any more: whoever keeps their spans gives those free.
 */
export function resume(state: VerifierState, sessions: Iterable<string>, at: number): void {
  for (const id of sessions) load(state, id, at);
}

/** Whether nothing is awaited of this session any more: it can be forgotten, and comes back from the records when needed. */
export function isSettled(state: VerifierState, id: string): boolean {
  const session = state.sessions.get(id);
  if (!session) return true;
  const closed = session.meaning.end !== undefined || session.findings.has(findingKey('unclosed', session.highest)) || session.held === 0;
  return closed && !session.dirty && !session.stale && session.deadline === Number.POSITIVE_INFINITY && session.waiting.size === 0;
}

/** Drops a session from memory. Its links and findings must be on record. */
export function forget(state: VerifierState, id: string): void {
  const session = state.sessions.get(id);
  if (!session) return;
  state.linksHeld -= session.ahead.size;
  state.awake.delete(session);
  state.sessions.delete(id);
}

export function sessionsInMemory(state: VerifierState): number {
  return state.sessions.size;
}

/** Links in memory that wait behind holes: of one session, or of all. Bounded per session; whoever takes many sessions bounds the sum. */
export function linksHeld(state: VerifierState, id?: string): number {
  return id === undefined ? state.linksHeld : (state.sessions.get(id)?.ahead.size ?? 0);
}

/**
 * The judgement of a session as of the last tick; undefined when nothing of it was ever received: nothing received is never intact.
 *
 * @example reportOf(state, id)?.integrity // 'intact'
 */
export function reportOf(state: VerifierState, id: string): SessionReport | undefined {
  const session = find(state, id, state.now);
  if (!session || (session.held === 0 && session.findings.size === 0)) return undefined;
  const { meaning } = session;
  const first = meaning.agent ?? session.previous?.standing[0] ?? session.ahead.values().next().value?.[0];
  const text = (key: string): string => {
    const value = meaning.start?.attributes[key] ?? first?.attributes[key];
    return typeof value === 'string' ? value : '';
  };
  const findings = [...session.findings.values()].sort((a, b) => a.seq - b.seq || (a.code < b.code ? -1 : 1));
  return {
    session: id,
    agent: text(ATTR.agentId),
    agentName: text(ATTR.agentName),
    principal: text(ATTR.principal),
    owner: text(ATTR.owner),
    fingerprint: text(ATTR.fingerprint),
    traceId: (meaning.start ?? first)?.traceId ?? '',
    ...verdictOf(findings, { ended: meaning.end !== undefined, registered: session.registered }),
    links: session.held,
    findings,
  };
}
