import { type Call, cellKeys, nameOf } from '../call.js';
import { cellAt } from '../table.js';
import type { Cell, CellTable, PermitEntry } from '../types.js';
import { type Examination, RETENTION_MS } from './restriction.js';

// What a session has done already, as counts of its calls by group: for duties that are to be apart, and for labels.

/** The marks that one restriction keeps of each session, or of each family of sessions. */
export class Marks {
  private readonly keyOf: (call: Call) => string;

  constructor(
    private readonly id: string,
    private readonly of: 'session' | 'family',
  ) {
    this.keyOf = cellKeys(id, [of]);
  }

  /** How many calls of a group have been made; zero where nothing is on record. */
  counts(call: Call, cells: CellTable): (group: number) => number {
    const cell = cellAt(cells, this.keyOf(call));
    return (group) => (cell?.kind === 'marks' ? (cell.counts[group] ?? 0) : 0);
  }

  /** Whether a call of a group was made here, or in a family that this one was started in. */
  isMarked(call: Call, cells: CellTable, group: number): boolean {
    if (this.counts(call, cells)(group) > 0) return true;
    return (call.action.inherits ?? []).some((family) => this.counts({ ...call, action: { ...call.action, family } }, cells)(group) > 0);
  }

  /**
   * What to remember of a call of these groups.
   *
   * @param by 1: counted from when it may run, so that a parallel call cannot slip in before; 0: counted when it is over
   */
  marking(call: Call, cells: CellTable, now: number, groups: readonly number[], by: 0 | 1): Pick<Examination, 'admitted' | 'entry'> {
    if (groups.length === 0) return {};
    const key = this.keyOf(call);
    const cell: Cell = cellAt(cells, key) ?? { kind: 'marks', session: null, expiresMs: 0, counts: [] };
    return {
      admitted: [key, marked({ ...cell, session: nameOf(this.of, call.action) }, groups, by, now)],
      entry: { rule: this.id, key, groups },
    };
  }
}

/** A call that never ran leaves no mark. */
export function withoutMark(cell: Cell, { groups = [] }: PermitEntry, now: number): Cell {
  return marked(cell, groups, -1, now);
}

export function withMark(cell: Cell, { groups = [] }: PermitEntry, now: number): Cell {
  return marked(cell, groups, 1, now);
}

function marked(cell: Cell, groups: readonly number[], by: -1 | 0 | 1, now: number): Cell {
  const counts = cell.kind === 'marks' ? [...cell.counts] : [];
  for (const group of groups) {
    while (counts.length <= group) counts.push(0);
    counts[group] = Math.max(0, (counts[group] ?? 0) + by);
  }
  return { kind: 'marks', session: cell.session, expiresMs: now + RETENTION_MS, counts };
}
