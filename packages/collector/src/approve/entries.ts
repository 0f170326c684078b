import type { Register, RegisterEntry } from '@agent-custody/chain';

/** An entry with its number in the register, from 1. */
export interface NumberedEntry {
  readonly number: number;
  readonly entry: RegisterEntry;
}

export interface Added {
  readonly register: Register;
  readonly written: readonly NumberedEntry[];
  /** In force already, word for word. */
  readonly present: readonly NumberedEntry[];
}

/** Adds entries, but none that is in force already: same agent, components, approver, ticket and end. */
export function addEntries(register: Register, wanted: readonly RegisterEntry[], now: Date): Added {
  const entries = [...register.entries];
  const written: NumberedEntry[] = [];
  const present: NumberedEntry[] = [];
  for (const entry of wanted) {
    const at = entries.findIndex((other) => isInForce(other, now) && isSame(other, entry));
    if (at >= 0) present.push({ number: at + 1, entry: entries[at] as RegisterEntry });
    else written.push({ number: entries.push(entry), entry });
  }
  return { register: written.length > 0 ? { ...register, entries } : register, written, present };
}

/** Which entries to withdraw: those in force that match all that is given. */
export interface WithdrawSelector {
  readonly number?: number | undefined;
  readonly ticket?: string | undefined;
  /** Agent and components of entries, as {@link addEntries} writes them. */
  readonly states?: readonly Pick<RegisterEntry, 'agent' | 'components'>[] | undefined;
}

export interface Withdrawn {
  readonly register: Register;
  readonly withdrawn: readonly NumberedEntry[];
}

/** Marks entries withdrawn as of `now`. None is ever removed: what was approved once stays on record. */
export function withdrawEntries(register: Register, selector: WithdrawSelector, now: Date): Withdrawn {
  const withdrawn: NumberedEntry[] = [];
  const entries = register.entries.map((entry, index) => {
    const number = index + 1;
    if (!isOpen(entry, now) || !matches(entry, number, selector)) return entry;
    const marked = { ...entry, withdrawn: now.toISOString() };
    withdrawn.push({ number, entry: marked });
    return marked;
  });
  return { register: withdrawn.length > 0 ? { ...register, entries } : register, withdrawn };
}

function matches(entry: RegisterEntry, number: number, { number: wanted, ticket, states }: WithdrawSelector): boolean {
  return (
    (wanted === undefined || wanted === number) &&
    (ticket === undefined || ticket === entry.ticket) &&
    (states === undefined || states.some((state) => state.agent === entry.agent && sameComponents(state.components, entry.components)))
  );
}

/** Not withdrawn and not over: it approves now or will. */
function isOpen(entry: RegisterEntry, now: Date): boolean {
  return entry.withdrawn === null && (entry.until === null || Date.parse(entry.until) >= now.getTime());
}

function isInForce(entry: RegisterEntry, now: Date): boolean {
  return isOpen(entry, now) && Date.parse(entry.from) <= now.getTime();
}

function isSame(one: RegisterEntry, other: RegisterEntry): boolean {
  return (
    one.agent === other.agent &&
    one.by === other.by &&
    one.ticket === other.ticket &&
    one.until === other.until &&
    sameComponents(one.components, other.components)
  );
}

function sameComponents(one: RegisterEntry['components'], other: RegisterEntry['components']): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}
