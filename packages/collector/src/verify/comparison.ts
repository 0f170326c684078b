import type { LinkCopy } from '@agent-custody/chain';
import { compareLinks, type Divergence, toldOf } from './compare.js';
import type { Evidence } from './evidence.js';
import type { Judge } from './judge.js';
import type { StoredSessions } from './stored-sessions.js';

/** What a comparison works with. */
export interface ComparisonContext {
  readonly evidence: Evidence;
  readonly judge: Judge;
  readonly stored: StoredSessions;
  /** Reads a trace of the store, now, into `stored`. */
  readonly fetch: (traces: Iterable<string>) => Promise<void>;
  /** How long a link may take from the record to the store, ms. */
  readonly settleMs: number;
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

/** One session compared. */
export interface Compared {
  readonly session: string;
  readonly divergences: readonly Divergence[];
  /** The record cannot say whether some links were forwarded at all: they were left out. */
  readonly undecided: boolean;
}

const keyOf = (link: LinkCopy): string => `${link.hash} ${link.preimage}`;

/**
 * Holds sessions of a trace store against the record. The record is read after the store each time, so that nothing in the store can
 * be newer than it. A link that the store lacks may just have been recorded, or may be on its way: it is looked for again once it
 * has had `settleMs`, and only what is missing both times, and waits nowhere, has gone.
 *
 * @param sessions those of the store, and those on record
 * @throws TempoError, LedgerError, EvidenceError
 */
export async function compareSessions(sessions: Iterable<string>, context: ComparisonContext): Promise<readonly Compared[]> {
  const out: Compared[] = [];
  const suspected = new Map<string, ReadonlySet<string>>();
  for (const session of sessions) {
    const recorded = await context.evidence.links(session);
    if (recorded === undefined) continue;
    const divergences = await compare(session, recorded, context, () => true);
    const lost = divergences.flatMap((divergence) => divergence.lost);
    if (lost.length > 0) suspected.set(session, new Set(lost.map(keyOf)));
    else if (divergences.length > 0) out.push(told(session, divergences, recorded, context));
  }
  if (suspected.size === 0) return out;
  await context.evidence.mark();
  await settled(suspected.keys(), context);
  for (const [session, lost] of suspected) out.push(await lookAgain(session, lost, context));
  return out;
}

async function lookAgain(session: string, lost: ReadonlySet<string>, context: ComparisonContext): Promise<Compared> {
  const { evidence, stored } = context;
  const suspects = ((await evidence.links(session)) ?? []).filter((link) => lost.has(keyOf(link)));
  // Before the store is read: what leaves the outbox in between is there by then.
  const waiting = await evidence.unforwarded(suspects);
  await context.fetch(new Set(suspects.map(({ traceId }) => traceId)));
  const excused = new Set([...(waiting ?? suspects)].map(keyOf));
  const recorded = (await evidence.links(session)) ?? [];
  const divergences = await compare(
    session,
    recorded,
    context,
    (link) => lost.has(keyOf(link)) && !excused.has(keyOf(link)) && !stored.partial.has(link.traceId),
  );
  const undecided = waiting === undefined || suspects.some(({ traceId }) => stored.partial.has(traceId));
  return { ...told(session, divergences, recorded, context), undecided };
}

async function compare(
  session: string,
  recorded: readonly LinkCopy[],
  { evidence, judge, stored }: ComparisonContext,
  expected: (link: LinkCopy) => boolean,
): Promise<readonly Divergence[]> {
  const facts = { expected, boundedFrom: await evidence.boundedFrom(session), cut: stored.cut.get(session) ?? [] };
  return compareLinks(recorded, judge.links(session), facts);
}

function told(session: string, divergences: readonly Divergence[], recorded: readonly LinkCopy[], { judge }: ComparisonContext): Compared {
  const inStore = judge.links(session)[Symbol.iterator]().next().done === true ? 0 : 1;
  return { session, divergences: toldOf(divergences, { recorded: recorded.length, stored: inStore }), undecided: false };
}

async function settled(sessions: Iterable<string>, { evidence, settleMs, now, sleep }: ComparisonContext): Promise<void> {
  let until = 0;
  for (const session of sessions) until = Math.max(until, (await evidence.lastSeenMs(session)) + settleMs);
  // No longer than it takes what is on record now to settle, also where a clock stands wrong.
  const wait = Math.min(until - now(), settleMs);
  if (wait > 0) await sleep(wait);
}
