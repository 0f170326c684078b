import { ATTR, type Hashing, type LinkCopy } from '@agent-custody/chain';
import { evidenceFromCollector, evidenceFromLedger, type SessionEvidence } from '../approve/evidence.js';
import type { Ledger } from '../ledger/ledger.js';
import { PRUNED } from '../ledger/pruned.js';
import type { CollectorAddress } from '../verify/collector-api.js';
import type { Handover, Relative } from './write-bundle.js';

/** What a source knows of a session; the rest of a {@link Handover} is the caller's. */
export type Gathered = Pick<Handover, 'report' | 'links' | 'relatives' | 'erasures'>;

/** Sessions that one may name as its children before only the first of them are asked for. */
const MOST_RELATIVES = 10_000;

/** A session from a ledger; undefined when it holds nothing of it. @throws LedgerError */
export function gatherFromLedger(ledger: Ledger, session: string, hashing: Hashing): Gathered | undefined {
  const evidence = evidenceFromLedger(ledger, session, hashing);
  if (evidence === undefined) return undefined;
  const { report, links } = evidence;
  const places = [...placesNamed(links), ...ledger.spawnsOf(session).map(({ session: parent, seq }) => ({ session: parent, seq }))];
  const erasures = ledger.dispositions().flatMap(({ entry }) => {
    if (entry?.type !== 'erasure' || entry.session !== session) return [];
    return [{ at: new Date(entry.atMs).toISOString(), by: entry.by, reason: entry.reason }];
  });
  // On record is also what the register said when it was recorded, which nobody needs to have at hand now.
  const authority = report.authority === 'unknown' ? (ledger.session(session)?.authority ?? 'unknown') : report.authority;
  return {
    report: { ...report, authority },
    links,
    relatives: unique(places).map((place) => relative(place, ledger.copies(place.session, place.seq))),
    erasures,
  };
}

/**
 * A session from a collector's API; undefined when it knows nothing of it.
 *
 * @throws EvidenceError
 */
export async function gatherFromCollector(address: CollectorAddress, session: string, hashing: Hashing): Promise<Gathered | undefined> {
  const evidence = await evidenceFromCollector(address, session, hashing);
  if (evidence === undefined) return undefined;
  const asked = new Map<string, SessionEvidence | undefined>();
  const relatives: Relative[] = [];
  for (const place of unique(placesNamed(evidence.links))) {
    if (!asked.has(place.session)) asked.set(place.session, await evidenceFromCollector(address, place.session, hashing));
    relatives.push(relative(place, asked.get(place.session)?.links.filter(({ seq }) => seq === place.seq) ?? []));
  }
  return { report: evidence.report, links: evidence.links, relatives, erasures: [] };
}

interface Place {
  readonly session: string;
  readonly seq: number;
}

/** The parent's link that the session names, and the starts of the children that it announces. */
function placesNamed(links: readonly LinkCopy[]): readonly Place[] {
  return links.flatMap(({ kind, attributes }): readonly Place[] => {
    const { [ATTR.parentSessionId]: parent, [ATTR.parentSeq]: seq, [ATTR.childSessionId]: child } = attributes;
    if (kind === 'session.start' && typeof parent === 'string' && typeof seq === 'number') return [{ session: parent, seq }];
    return kind === 'child.spawn' && typeof child === 'string' ? [{ session: child, seq: 1 }] : [];
  });
}

function unique(places: readonly Place[]): readonly Place[] {
  return [...new Map(places.map((place) => [`${place.session} ${place.seq}`, place])).values()].slice(0, MOST_RELATIVES);
}

/** What others disclosed is not handed over with this session. */
function relative({ session, seq }: Place, copies: readonly LinkCopy[]): Relative {
  const pruned = copies.some(({ kind }) => kind === PRUNED);
  return { session, seq, pruned, copies: pruned ? [] : copies.map((copy) => ({ ...copy, content: {} })) };
}
