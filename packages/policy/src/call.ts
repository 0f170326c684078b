import { identityOf } from './identity.js';
import type { Dimension } from './schema.js';
import type { Action, Permit } from './types.js';

/** An action while it is being decided, with what several rules want to know of it. */
export interface Call {
  readonly action: Action;
  /** Conditions on the arguments can be told. */
  readonly readable: boolean;
  /** Its arguments are withheld, and what cannot be told is read in the agent's favour: only ever for a replay's lower bound. */
  readonly lenient: boolean;
  /** Equal for calls of one tool with equal arguments. */
  digest(): string;
  /** Whether it runs as a trial of the half-open breaker that counts under this key. */
  isTrial(key: string): boolean;
}

/** What counts are kept by. */
type Scope = Dimension | 'family';

export function callOf(action: Action, lenient: boolean, permit?: Permit | undefined): Call {
  let digest: string | undefined;
  const { argumentsEncoding = 'json' } = action;
  return {
    action,
    readable: argumentsEncoding === 'json' && action.arguments !== undefined,
    // What was there and could not be told was read against the agent, and still is.
    lenient: lenient && argumentsEncoding === 'withheld',
    digest: () => (digest ??= identityOf([action.tool, action.argumentsDigest ?? action.arguments ?? null])),
    isTrial: (key) => permit?.entries.some((entry) => entry.trial === true && entry.key === key) ?? false,
  };
}

const MAX_NAME = 256;

/** A name of bounded length: keys are kept, and whoever makes up tool names must not fill the memory with them. */
function bounded(name: string): string {
  return name.length <= MAX_NAME ? name : `${name.slice(0, 64)}…${identityOf(name)}`;
}

/** Names the cell of a rule for each call. Lengths keep `a` + `bc` and `ab` + `c` apart. */
export function cellKeys(rule: string, per: readonly Scope[]): (call: Call) => string {
  let names: readonly string[] = [];
  let key: string | undefined;
  return ({ action }) => {
    // Most calls are of the session of the call before, and one string is compared with itself at once.
    if (key !== undefined && per.every((scope, at) => names[at] === nameOf(scope, action))) return key;
    names = per.map((scope) => nameOf(scope, action));
    key = names.map(bounded).reduce((joined, name) => `${joined}|${name.length}:${name}`, rule);
    return key;
  };
}

export function nameOf(scope: Scope, action: Action): string {
  return scope === 'family' ? (action.family ?? action.session) : (action[scope] ?? '');
}

/** The session that a cell ends with. */
export function cellSession(per: readonly Dimension[], { action }: Call): string | null {
  return per.includes('session') ? action.session : null;
}
