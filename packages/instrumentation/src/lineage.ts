import type { Position, SpawnDetails } from '@agent-custody/chain';
import { state } from './global.js';
import type { Session } from './lifecycle.js';
import { newSessionId } from './random.js';

/** How a session comes by its parent. */
export type Lineage =
  | { readonly type: 'root' }
  /** Nested in this process: the parent announces it. */
  | { readonly type: 'nested'; readonly in: Session; readonly as: Announcement | undefined }
  /** Asked for by an action elsewhere: in another process, or in a session that has ended. */
  | { readonly type: 'asked'; readonly by: Position; readonly family?: Family | undefined };

/** What the spawn of a child says beside its id, inside an action; `at`: Unix nanoseconds of the decision to let it. */
export type Announcement = SpawnDetails & { readonly at: bigint };

/**
 * Sessions that are one to information flow: an agent's, and those of the agents that work for it in this process. What one of them
 * has read reaches the others by a task or an answer.
 */
export interface Family {
  readonly id: string;
  /** The one that it was started in by the application itself: that may hand down what was read there, and gets no answer. */
  readonly within: Family | undefined;
  /** Sessions of it, and of those started in it, that have not ended. */
  open: number;
}

/** The family that a session is born into. @param automatic an adapter opened it, for an agent of a framework */
export function familyOf(lineage: Lineage, automatic: boolean): Family {
  if (lineage.type === 'root') return newFamily(undefined);
  if (lineage.type === 'asked') return lineage.family ?? openFamily(lineage.by) ?? newFamily(undefined);
  const { family } = lineage.in;
  return automatic || lineage.as ? family : newFamily(family);
}

function newFamily(within: Family | undefined): Family {
  return { id: newSessionId(), within, open: 0 };
}

function openFamily(by: Position): Family | undefined {
  for (const { id, family } of state().open) if (id === by.session) return family;
  return undefined;
}

/** The family itself, and those that it was started in. */
export function* familiesFrom(family: Family): Generator<Family> {
  for (let outer: Family | undefined = family; outer; outer = outer.within) yield outer;
}

export function join(family: Family): Family {
  for (const each of familiesFrom(family)) each.open++;
  return family;
}

/** Answers the ids of those of which nothing is open any more. */
export function leave(family: Family): readonly string[] {
  return [...familiesFrom(family)].filter((each) => --each.open === 0).map(({ id }) => id);
}
