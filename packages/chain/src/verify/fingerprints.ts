import { ATTR, FINGERPRINT_PREFIX, REQUIRED_COMPONENTS } from '../attributes.js';
import { compositeFingerprint } from '../digest.js';
import { approves } from '../register.js';
import { absentBelow, type FoldContext } from './meaning.js';
import { find, type SessionState } from './session-state.js';
import type { LinkCopy } from './types.js';

/** Digests that are remembered per session as announced; past it an intent's three are taken on trust. */
const REMEMBERED = 100_000;

export interface Fingerprints {
  /** The latest components known: those of session.start, as replaced by each change. */
  latest: Readonly<Record<string, string>>;
  composite: string | undefined;
  /** `component digest` pairs that a start or a change announced. */
  readonly announced: Set<string>;
  /** Composites that the register was asked about. */
  readonly judged: Set<string>;
}

export function newFingerprints(): Fingerprints {
  return { latest: {}, composite: undefined, announced: new Set(), judged: new Set() };
}

/** The component digests that a link states. */
function stated(link: LinkCopy): Record<string, string> {
  const out: Record<string, string> = {};
  for (const key in link.attributes) {
    if (key.startsWith(FINGERPRINT_PREFIX) && key !== ATTR.fingerprintPrevious && key !== ATTR.fingerprintChanged) {
      out[key.slice(FINGERPRINT_PREFIX.length)] = link.attributes[key] as string;
    }
  }
  return out;
}

/** The rules of SPEC.md, "Fingerprint", and the register's. */
export function onFingerprint(session: SessionState, link: LinkCopy, context: FoldContext): void {
  const { fingerprints } = session.meaning;
  // A missing link may have been a change: then nothing that rests on the latest components can be judged.
  const certain = absentBelow(session, link.seq) === 0;
  switch (link.kind) {
    case 'session.start':
      onStart(session, link, context);
      return;
    case 'fingerprint.change':
      onChange(session, link, certain, context);
      return;
    case 'action.intent':
      onIntentFingerprint(session, link, certain, context);
      return;
    default:
      if (certain && fingerprints.composite !== undefined && link.attributes[ATTR.fingerprint] !== fingerprints.composite) {
        find(session, 'inconsistent', link.seq, 'custody.fingerprint is not the composite of the latest components');
      }
  }
}

function announce(fingerprints: Fingerprints, parts: Readonly<Record<string, string>>): void {
  for (const name in parts) if (fingerprints.announced.size < REMEMBERED) fingerprints.announced.add(`${name} ${parts[name]}`);
}

function onStart(session: SessionState, link: LinkCopy, context: FoldContext): void {
  const { fingerprints } = session.meaning;
  const components = stated(link);
  const composite = compositeFingerprint(components, context.hashing);
  if (composite !== link.attributes[ATTR.fingerprint]) {
    find(session, 'inconsistent', link.seq, 'custody.fingerprint is not the composite of its components');
  }
  // A second start is a finding of its own and changes no state.
  if (link.seq > 1 && fingerprints.composite !== undefined) return;
  fingerprints.latest = components;
  fingerprints.composite = composite;
  announce(fingerprints, components);
  judge(session, link, components, true, 'unapproved_fingerprint', context);
}

function onChange(session: SessionState, link: LinkCopy, certain: boolean, context: FoldContext): void {
  const { fingerprints } = session.meaning;
  const parts = stated(link);
  const names = Object.keys(parts).sort();
  const changed = link.attributes[ATTR.fingerprintChanged] as readonly string[];
  if (names.length !== changed.length || names.some((name, i) => name !== changed[i])) {
    find(session, 'inconsistent', link.seq, 'custody.fingerprint.changed does not name the components that it brings');
  } else if (certain && fingerprints.composite !== undefined) {
    if (link.attributes[ATTR.fingerprintPrevious] !== fingerprints.composite) {
      find(session, 'inconsistent', link.seq, 'custody.fingerprint.previous is not the composite of the latest components');
    } else if (names.some((name) => parts[name] === fingerprints.latest[name])) {
      find(session, 'inconsistent', link.seq, 'it announces a component that did not change');
    }
  }
  fingerprints.latest = { ...fingerprints.latest, ...parts };
  announce(fingerprints, parts);
  if (fingerprints.composite !== undefined) {
    fingerprints.composite = compositeFingerprint(fingerprints.latest, context.hashing);
    if (certain && link.attributes[ATTR.fingerprint] !== fingerprints.composite) {
      find(session, 'inconsistent', link.seq, 'custody.fingerprint is not the composite of the components after this change');
    }
  }
  const known = certain && fingerprints.composite !== undefined;
  // After a hole the other components may have changed unseen: only what this change brings is known.
  judge(session, link, known ? fingerprints.latest : parts, known, 'fingerprint_drift', context);
}

function onIntentFingerprint(session: SessionState, link: LinkCopy, certain: boolean, context: FoldContext): void {
  const { fingerprints } = session.meaning;
  const known = certain && fingerprints.composite !== undefined;
  const three: Record<string, string> = {};
  let differs = false;
  for (const name of REQUIRED_COMPONENTS) {
    const digest = link.attributes[FINGERPRINT_PREFIX + name] as string;
    three[name] = digest;
    // The latest were announced.
    if (fingerprints.latest[name] === digest) continue;
    differs = true;
    if (known && !fingerprints.announced.has(`${name} ${digest}`) && fingerprints.announced.size < REMEMBERED) {
      find(session, 'inconsistent', link.seq, `its ${name} was never announced by a start or a change`);
    }
  }
  const components = differs ? { ...fingerprints.latest, ...three } : fingerprints.latest;
  const composite = differs ? compositeFingerprint(components, context.hashing) : fingerprints.composite;
  if (known && link.attributes[ATTR.fingerprint] !== composite) {
    find(session, 'inconsistent', link.seq, 'custody.fingerprint is not the composite of its three and the latest components');
  }
  judge(session, link, known ? components : three, known, 'fingerprint_drift', context);
}

/**
 * Asks the register about a state, once per state. After a hole only what the link itself states is known; what is not known is not
 * held against it.
 */
function judge(
  session: SessionState,
  link: LinkCopy,
  components: Readonly<Record<string, string>>,
  complete: boolean,
  code: 'unapproved_fingerprint' | 'fingerprint_drift',
  context: FoldContext,
): void {
  const entries = context.entriesFor(link.attributes[ATTR.agentId] as string);
  if (entries.length === 0) return;
  session.registered = true;
  const { judged } = session.meaning.fingerprints;
  const state = `${link.attributes[ATTR.fingerprint]}`;
  if (judged.has(state)) return;
  if (judged.size < REMEMBERED) judged.add(state);
  if (entries.some((entry) => approves(entry, components, link.time, complete))) return;
  find(session, code, link.seq, `no entry of the register approves this state (custody.fingerprint ${state.slice(0, 16)}…)`);
}
