// What a session says, folded from its links in order of seq: the rules of SPEC.md that look at sound links only. An unsound or
// missing number excuses what may rest on it, so that one edit gives one finding and not a trail of them.

import { ATTR } from '../attributes.js';
import type { Hashing } from '../hashing.js';
import type { RegisterEntry } from '../register.js';
import { type Actions, checkParent, newActions, onApproval, onIntent, onOutcome } from './actions.js';
import { type Fingerprints, newFingerprints, onFingerprint } from './fingerprints.js';
import { IntervalSet } from './intervals.js';
import type { SessionState } from './session-state.js';
import { find, overflow } from './session-state.js';
import type { Slot } from './slot.js';
import type { Limits, LinkCopy, Records } from './types.js';

export interface Meaning {
  /** Folded numbers that are held but not sound. */
  unsound: number;
  /** The stated version of the lowest link held. */
  version: number | undefined;
  versionsDiffer: boolean;
  unsupported: boolean;
  agent: LinkCopy | undefined;
  /** The sound session.start. */
  start: LinkCopy | undefined;
  /** The first session.end, sound or not. */
  end: number | undefined;
  endTime: string | undefined;
  lastTime: string;
  readonly actions: Actions;
  readonly fingerprints: Fingerprints;
  /** Numbers that sound loss links name. */
  readonly declared: IntervalSet;
}

/** What the fold needs beside the session itself. */
export interface FoldContext {
  readonly records: Records;
  readonly limits: Limits;
  readonly hashing: Hashing;
  entriesFor(agent: string): readonly RegisterEntry[];
}

export function newMeaning(): Meaning {
  return {
    unsound: 0,
    version: undefined,
    versionsDiffer: false,
    unsupported: false,
    agent: undefined,
    start: undefined,
    end: undefined,
    endTime: undefined,
    lastTime: '0',
    actions: newActions(),
    fingerprints: newFingerprints(),
    declared: new IntervalSet(),
  };
}

/** How many numbers below `seq` are missing or unsound: each may hold what a later link rests on. */
export function absentBelow(session: SessionState, seq: number): number {
  return session.missing.countBelow(seq) + session.meaning.unsound;
}

/** Folds the next slot in. Every number below it has been folded or is missing for good. */
export function foldSlot(session: SessionState, slot: Slot, context: FoldContext): void {
  const { meaning } = session;
  const { seq, sound } = slot;
  checkVersions(session, slot);
  if (meaning.end !== undefined) {
    find(session, 'after_end', seq, `a link after session.end at ${meaning.end}`);
    if (!sound) meaning.unsound++;
    return;
  }
  if (sound) foldLink(session, sound, context);
  else foldUnsound(session, slot);
}

/** An unsound link keeps two of its words: an end still ends, an outcome still spares its intent. */
function foldUnsound(session: SessionState, slot: Slot): void {
  session.meaning.unsound++;
  for (const copy of slot.standing) {
    if (copy.kind === 'session.end') session.meaning.end = slot.seq;
    const action = copy.attributes[ATTR.actionId];
    const { open, spared } = session.meaning.actions;
    if (copy.kind === 'action.outcome' && typeof action === 'string' && open.has(action)) spared.add(action);
  }
}

function checkVersions(session: SessionState, slot: Slot): void {
  const { meaning } = session;
  for (const { version } of slot.standing) {
    meaning.version ??= version;
    if (version !== 1 && !meaning.unsupported) {
      meaning.unsupported = true;
      find(session, 'unsupported', slot.seq, `custody.version ${version} is not known to this verifier: not recomputed`);
    }
    if (version !== meaning.version && !meaning.versionsDiffer) {
      meaning.versionsDiffer = true;
      find(session, 'inconsistent', slot.seq, `custody.version ${version} in a session of version ${meaning.version}`);
    }
  }
}

function foldLink(session: SessionState, link: LinkCopy, context: FoldContext): void {
  const { meaning } = session;
  const { seq } = link;
  meaning.agent ??= link;
  if (link.attributes[ATTR.agentId] !== meaning.agent.attributes[ATTR.agentId]) {
    find(session, 'inconsistent', seq, `the agent id is not that of link ${meaning.agent.seq}`);
  }
  if (isEarlier(link.time, meaning.lastTime)) find(session, 'clock_regression', seq, 'its time is before that of the link before it');
  meaning.lastTime = link.time;
  if (seq === 1 && link.kind !== 'session.start')
    find(session, 'inconsistent', 1, `the first link is ${kindName(link)}, not session.start`);
  if (seq > 1 && link.kind === 'session.start') find(session, 'inconsistent', seq, 'a session starts once');
  onFingerprint(session, link, context);
  switch (link.kind) {
    case 'session.start':
      if (seq === 1) meaning.start = link;
      break;
    case 'action.intent':
      onIntent(session, link, context);
      break;
    case 'approval':
      onApproval(session, link, context);
      break;
    case 'action.outcome':
      onOutcome(session, link, context);
      break;
    case 'child.spawn':
      onSpawn(session, link, context);
      break;
    case 'loss':
      onLoss(session, link);
      break;
    case 'attestation':
      onAttestation(session, link);
      break;
    case 'session.end':
      onEnd(session, link);
      break;
    default: // fingerprint.change is onFingerprint's; heartbeat and unknown kinds say nothing more
  }
}

function onSpawn(session: SessionState, link: LinkCopy, context: FoldContext): void {
  checkParent(session, link, context);
  if (session.childless.size < context.limits.openActions) session.childless.set(link.seq, { spawn: link, since: session.lastArrival });
  else overflow(session, 'children', link.seq, `more than ${context.limits.openActions} children that have not shown`);
}

function onLoss(session: SessionState, link: LinkCopy): void {
  const first = link.attributes[ATTR.lossFirst] as number;
  const last = link.attributes[ATTR.lossLast] as number;
  session.meaning.declared.add(first, last);
  find(session, 'declared_loss', link.seq, `the agent declares links ${first} to ${last} lost`);
}

/** The agent's own cross-check: a call that ran around the adapters, or one that nobody asked for. */
function onAttestation(session: SessionState, link: LinkCopy): void {
  const named = (key: string): number => (link.attributes[key] as readonly string[] | undefined)?.length ?? 0;
  const unexecuted = named(ATTR.attestationUnexecuted);
  const unrequested = named(ATTR.attestationUnrequested);
  const parts = [
    ...(unexecuted > 0 ? [`${unexecuted} that a model asked for were not seen executed`] : []),
    ...(unrequested > 0 ? [`${unrequested} were executed that no model asked for`] : []),
  ];
  if (parts.length > 0) find(session, 'unattested_call', link.seq, `of the run's tool calls, ${parts.join(', and ')}`);
}

function onEnd(session: SessionState, link: LinkCopy): void {
  const { meaning } = session;
  const links = link.attributes[ATTR.sessionLinks] as number;
  const actions = link.attributes[ATTR.sessionActions] as number;
  meaning.end = link.seq;
  meaning.endTime = link.time;
  const received = meaning.actions.intents;
  const least = received + excusedOutcomes(session).size;
  const most = received + absentBelow(session, link.seq);
  if (links !== link.seq) find(session, 'count_mismatch', link.seq, `it counts ${links} links and is link ${link.seq}`);
  else if (actions < least || actions > most) {
    find(
      session,
      'count_mismatch',
      link.seq,
      `it counts ${actions} actions; ${received} intents were received${most > received ? ` and at most ${most - received} are missing` : ''}`,
    );
  }
}

/**
 * The outcomes without a held intent that a missing earlier number may excuse: each excuses at most one, the earliest first; none
 * whose intent is held at a higher seq (SPEC.md, `outcome_without_intent`).
 */
export function excusedOutcomes(session: SessionState): Set<number> {
  const excused = new Set<number>();
  for (const { link, absent, announcedLater } of session.meaning.actions.unannounced) {
    if (!announcedLater && absent > excused.size) excused.add(link.seq);
  }
  return excused;
}

/** Compares decimal nanoseconds without leading zeros. */
export function isEarlier(a: string, b: string): boolean {
  return a.length === b.length ? a < b : a.length < b.length;
}

function kindName(link: LinkCopy): string {
  return /^[a-z._]{1,40}$/.test(link.kind) ? link.kind : 'of an unknown kind';
}
