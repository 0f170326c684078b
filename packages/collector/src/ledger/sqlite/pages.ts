import { LedgerError } from '../errors.js';
import type { Page, PageRequest } from '../ledger.js';

/** Above every row id. */
const NEWEST = Number.MAX_SAFE_INTEGER;

/**
 * One page, newest first. Row ids are handed out in ascending order and never again, so a cursor (the id of the last row shown)
 * keeps its meaning whatever is written in between.
 *
 * @param read the rows with an id below `before`, descending, `count` at most
 * @throws LedgerError `bad_cursor`
 */
export function pageOf<Row extends readonly [id: number, ...rest: unknown[]], T>(
  request: PageRequest,
  read: (before: number, count: number) => readonly Row[],
  item: (row: Row) => T,
): Page<T> {
  const before = request.cursor === undefined ? NEWEST : positionOf(request.cursor);
  const rows = read(before, request.limit + 1);
  const shown = rows.slice(0, request.limit);
  const last = shown.at(-1);
  return { items: shown.map(item), ...(rows.length > shown.length && last !== undefined && { next: String(last[0]) }) };
}

function positionOf(cursor: string): number {
  if (/^[1-9][0-9]{0,15}$/.test(cursor)) return Number(cursor);
  throw new LedgerError(
    'bad_cursor',
    `'${cursor.slice(0, 40)}' is not a cursor: use the 'next' of the page before, or none for the first page`,
  );
}

/** SQLite ends a bound text at a NUL: text for people to read is stored without. */
export function withoutNul(text: string): string {
  return text.replaceAll('\0', '\uFFFD');
}
