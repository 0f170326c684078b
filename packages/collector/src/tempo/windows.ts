import type { SecondsRange, TempoReader } from './client.js';
import { TempoError } from './errors.js';

/** How a range is searched through. */
export interface WindowOptions {
  /** Traces that one search is asked for (default 500). */
  readonly limit?: number;
  /** The longest stretch that one search covers, s (default a day; Tempo refuses more than `search.max_duration`, 168 h by default). */
  readonly longest?: number;
}

/** A search's finding: ids that were not told before, or a second of which Tempo would not show everything. */
export type Found = { readonly type: 'traces'; readonly ids: readonly string[] } | { readonly type: 'overfull'; readonly at: number };

const DEFAULT_LIMIT = 500;
const DAY_SECONDS = 86_400;
/** What Tempo takes as `limit` at most by default (`search.max_result_limit`). */
const HIGHEST_LIMIT = 262_144;

/**
 * Every trace that a query finds in a range, newest stretch first. Tempo's search has no cursor: it answers any `limit` of the traces
 * that match. So a stretch whose answer is full is searched again in two halves, until each answer is less than full; a single second
 * that is still full is asked for with a higher limit. A trace that overlaps several stretches is told once.
 *
 * @throws TempoError
 * @example for await (const found of tracesIn(tempo, query, { start, end })) if (found.type === 'traces') take(found.ids);
 */
export async function* tracesIn(
  tempo: TempoReader,
  query: string,
  range: SecondsRange,
  { limit = DEFAULT_LIMIT, longest = DAY_SECONDS }: WindowOptions = {},
): AsyncGenerator<Found> {
  const told = new Set<string>();
  const fresh = (ids: readonly string[]): Found => ({ type: 'traces', ids: ids.filter((id) => !told.has(id) && told.add(id)) });
  const waiting = stretches(range, longest);
  for (let stretch = waiting.pop(); stretch !== undefined; stretch = waiting.pop()) {
    const { start, end } = stretch;
    const ids = await searched(tempo, query, stretch, limit);
    if (ids === undefined) waiting.push(...halves(stretch));
    else if (ids.length < limit) yield fresh(ids);
    else if (end - start > 1) {
      // What is known already need not wait for the halves to say it again.
      yield fresh(ids);
      waiting.push(...halves(stretch));
    } else {
      const more = await wholeSecond(tempo, query, stretch, limit);
      yield fresh(more.ids);
      if (!more.whole) yield { type: 'overfull', at: start };
    }
  }
}

/** Undefined where Tempo is set to search less time at once. */
async function searched(tempo: TempoReader, query: string, stretch: SecondsRange, limit: number): Promise<readonly string[] | undefined> {
  try {
    return await tempo.search(query, stretch, limit);
  } catch (error) {
    const tooLong =
      error instanceof TempoError && error.code === 'refused' && error.message.includes('range specified by start and end exceeds');
    if (tooLong && stretch.end - stretch.start > 1) return undefined;
    throw error;
  }
}

/** Oldest first. */
function halves({ start, end }: SecondsRange): readonly [SecondsRange, SecondsRange] {
  const middle = start + Math.ceil((end - start) / 2);
  return [
    { start, end: middle },
    { start: middle, end },
  ];
}

async function wholeSecond(
  tempo: TempoReader,
  query: string,
  second: SecondsRange,
  limit: number,
): Promise<{ readonly ids: readonly string[]; readonly whole: boolean }> {
  let ids: readonly string[] = [];
  for (let more = limit * 8; ; more *= 8) {
    const asked = Math.min(more, HIGHEST_LIMIT);
    try {
      ids = await tempo.search(query, second, asked);
    } catch (error) {
      // A Tempo that is set to give less says so: what it gave before is all there is to have.
      if (error instanceof TempoError && error.code === 'refused') return { ids, whole: false };
      throw error;
    }
    if (ids.length < asked) return { ids, whole: true };
    if (asked === HIGHEST_LIMIT) return { ids, whole: false };
  }
}

/** Oldest first: they are taken from the end. */
function stretches({ start, end }: SecondsRange, longest: number): SecondsRange[] {
  const out: SecondsRange[] = [];
  for (let from = start; from < end; from += longest) out.push({ start: from, end: Math.min(from + longest, end) });
  return out;
}
