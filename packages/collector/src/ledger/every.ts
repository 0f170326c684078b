import type { Page, PageRequest } from './ledger.js';

const PAGE = 500;

/**
 * Every item of a list that is given in pages, in its order; a page is read when it is come to.
 *
 * @throws LedgerError what reading a page throws
 * @example for (const row of every((page) => ledger.sessionsPage(page))) count(row);
 */
export function* every<T>(page: (request: PageRequest) => Page<T>): Iterable<T> {
  let cursor: string | undefined;
  do {
    const { items, next } = page({ limit: PAGE, cursor });
    yield* items;
    cursor = next;
  } while (cursor !== undefined);
}
