import type { Cell, CellTable } from './types.js';

/** Cells of all sessions at the most. What does not fit is refused, never forgotten: to forget a count is to loosen a limit. */
export const MAX_CELLS = 16_384;
const BUCKETS = 64;

export type Change = readonly [key: string, cell: Cell];

export const EMPTY_TABLE: CellTable = { size: 0, buckets: Array.from({ length: BUCKETS }, () => []) };

/** FNV-1a: where a key is kept. Keys are never property names, so none is special. */
function bucketOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % BUCKETS;
}

export function cellAt(table: CellTable, key: string): Cell | undefined {
  for (const [known, cell] of table.buckets[bucketOf(key)] ?? []) if (known === key) return cell;
  return undefined;
}

/** The table with these cells in place of the ones with their keys. */
export function withCells(table: CellTable, changes: readonly Change[]): CellTable {
  if (changes.length === 0) return table;
  const buckets = [...table.buckets];
  let { size } = table;
  for (const change of changes) {
    const at = bucketOf(change[0]);
    const bucket = buckets[at] ?? [];
    const place = bucket.findIndex(([key]) => key === change[0]);
    buckets[at] = place < 0 ? [...bucket, change] : bucket.with(place, change);
    if (place < 0) size++;
  }
  return { size, buckets };
}

/** The table without the cells that `unwanted` names. */
export function withoutCells(table: CellTable, unwanted: (cell: Cell) => boolean): CellTable {
  const buckets = table.buckets.map((bucket) =>
    bucket.some(([, cell]) => unwanted(cell)) ? bucket.filter(([, cell]) => !unwanted(cell)) : bucket,
  );
  return { size: buckets.reduce((sum, bucket) => sum + bucket.length, 0), buckets };
}

/** Rebuilds a table from its cells, in whatever buckets they were. */
export function tableOf(cells: Iterable<Change>): CellTable {
  return withCells(EMPTY_TABLE, [...cells]);
}
