import {
  ATTR,
  type Attributes,
  COMPONENTS,
  compositeFingerprint,
  FINGERPRINT_PREFIX,
  type Hashing,
  type LinkCopy,
} from '@agent-custody/chain';

/** The component digests of one state, by component name. */
export type State = Readonly<Record<string, string>>;

/** The states that a session went through, and how many links stand in states that its links do not tell. */
export interface SessionStates {
  readonly states: readonly State[];
  readonly untold: number;
}

const NO_COMPONENT: ReadonlySet<string> = new Set([ATTR.fingerprintPrevious, ATTR.fingerprintChanged]);

/**
 * The states that a session went through: that of its start, after each `fingerprint.change`, and of each intent (SPEC.md,
 * "Fingerprint"). Each is checked against `custody.fingerprint` of its link, so that a change lost in a hole of the chain cannot
 * make up a state that never was.
 *
 * @param links of one session, ascending by seq
 */
export function statesOf(links: readonly LinkCopy[], hashing: Hashing): SessionStates {
  const states = new Map<string, State>();
  let latest: State = {};
  let untold = 0;
  for (const { kind, attributes } of links) {
    if (kind !== 'session.start' && kind !== 'fingerprint.change' && kind !== 'action.intent') continue;
    const state = { ...latest, ...componentsOf(attributes) };
    // An intent's three hold for that intent alone; a start's and a change's go on.
    if (kind !== 'action.intent') latest = state;
    const composite = compositeFingerprint(state, hashing);
    if (composite === attributes[ATTR.fingerprint]) states.set(composite, state);
    else untold++;
  }
  return { states: [...states.values()], untold };
}

/** The components of a state that an entry names: memory is there to change, and `memory_drift` watches it. */
export function approvable(state: State, pinMemory: boolean): State {
  const named = Object.entries(state).filter(([name]) => pinMemory || name !== 'memory');
  return Object.fromEntries(named.sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1)));
}

function rank(name: string): number {
  const at = (COMPONENTS as readonly string[]).indexOf(name);
  return at < 0 ? COMPONENTS.length : at;
}

function componentsOf(attributes: Attributes): State {
  const named = Object.entries(attributes).filter(([key]) => key.startsWith(FINGERPRINT_PREFIX) && !NO_COMPONENT.has(key));
  return Object.fromEntries(named.map(([key, digest]) => [key.slice(FINGERPRINT_PREFIX.length), String(digest)]));
}
