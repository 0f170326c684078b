import type { LinkCopy } from '@agent-custody/chain';

/** One place in a chain where a trace store does not hold what is on record: the finding `tempo_divergence`. */
export interface Divergence {
  readonly seq: number;
  /** On record and not in the store; the other way round; or both, and not the same. */
  readonly kind: 'lost' | 'foreign' | 'altered';
  /** For people; names attributes, never quotes their values. */
  readonly detail: string;
  readonly traceId: string;
  readonly spanId: string;
  /** The copies on record that the store does not hold. */
  readonly lost: readonly LinkCopy[];
}

/** What is known beside the copies. */
export interface ComparisonFacts {
  /** Whether this link on record is to be looked for in the store at all; by default every one is. */
  readonly expected?: (link: LinkCopy) => boolean;
  /** From this seq on the record does not hold every link that was forwarded (`overflow`). */
  readonly boundedFrom?: number | undefined;
  /** What is left of content that the store cut. */
  readonly cut?: readonly { readonly seq: number; readonly spanId: string; readonly key: string; readonly rest: Uint8Array }[];
}

/**
 * Holds a session's links in a trace store against those on record, link by link. A link is the same when its hash and all that the
 * hash covers are, span and trace id included. A span that the store holds twice is not a difference (delivery is at least once), nor
 * is content that was redacted in one of both; content that the store cut must begin as that on record does.
 *
 * @param recorded every copy on record, ascending by seq
 * @param stored every copy that the store gave, ascending by seq
 * @returns one divergence a seq at most, ascending
 */
export function compareLinks(recorded: Iterable<LinkCopy>, stored: Iterable<LinkCopy>, facts: ComparisonFacts = {}): Divergence[] {
  const places = placesOf(stored);
  const out: Divergence[] = [];
  for (const [seq, copies] of placesOf(recorded)) {
    const there = places.get(seq) ?? [];
    places.delete(seq);
    const divergence = atPlace(seq, copies, there, facts);
    if (divergence !== undefined) out.push(divergence);
  }
  for (const [seq, there] of places) {
    const foreign = foreignAt(seq, there, facts);
    if (foreign !== undefined) out.push(foreign);
  }
  return out.sort((a, b) => a.seq - b.seq);
}

function atPlace(seq: number, copies: readonly LinkCopy[], there: readonly LinkCopy[], facts: ComparisonFacts): Divergence | undefined {
  const expected = copies.filter((copy) => facts.expected?.(copy) ?? true);
  const lost = expected.filter((copy) => !there.some((other) => isSame(copy, other)));
  const strange = there.filter((copy) => !copies.some((other) => isSame(copy, other)));
  const [first] = lost;
  const [other] = strange;
  if (first === undefined) return other === undefined ? misplacedContent(seq, copies, there, facts) : foreignAt(seq, strange, facts);
  const { traceId, spanId } = first;
  if (other === undefined) {
    return { seq, kind: 'lost', detail: `link ${seq} is on record and not in Tempo`, traceId, spanId, lost };
  }
  const detail = `link ${seq} is not in Tempo as it is on record: ${differences(first, other)}`;
  return { seq, kind: 'altered', detail, traceId, spanId, lost };
}

function foreignAt(seq: number, strange: readonly LinkCopy[], { boundedFrom }: ComparisonFacts): Divergence | undefined {
  const [first] = strange;
  if (first === undefined || seq >= (boundedFrom ?? Number.POSITIVE_INFINITY)) return undefined;
  const { traceId, spanId } = first;
  return { seq, kind: 'foreign', detail: `link ${seq} is in Tempo and not on record`, traceId, spanId, lost: [] };
}

/** Cut content cannot be held against its digest any more, but against the content on record it can. */
function misplacedContent(
  seq: number,
  copies: readonly LinkCopy[],
  there: readonly LinkCopy[],
  { cut = [] }: ComparisonFacts,
): Divergence | undefined {
  for (const copy of there) {
    const whole = copies.find((other) => isSame(copy, other));
    for (const { key, rest } of cut.filter((part) => part.seq === seq && part.spanId === copy.spanId)) {
      const text = whole?.content[key];
      if (text === undefined || startsWith(text, rest)) continue;
      const detail = `link ${seq} is not in Tempo as it is on record: what is left of ${key} is not how it begins`;
      return { seq, kind: 'altered', detail, traceId: copy.traceId, spanId: copy.spanId, lost: [] };
    }
  }
  return undefined;
}

function startsWith(text: string, beginning: Uint8Array): boolean {
  return Buffer.from(text).subarray(0, beginning.length).equals(beginning);
}

function isSame(a: LinkCopy, b: LinkCopy): boolean {
  return a.hash === b.hash && a.preimage === b.preimage;
}

function differences(recorded: LinkCopy, stored: LinkCopy): string {
  const keys = new Set([...Object.keys(recorded.attributes), ...Object.keys(stored.attributes)]);
  const names = [...keys].filter((key) => JSON.stringify(recorded.attributes[key]) !== JSON.stringify(stored.attributes[key])).sort();
  if (recorded.hash !== stored.hash) names.push('custody.link.hash');
  if (recorded.traceId !== stored.traceId || recorded.spanId !== stored.spanId) names.push('the ids of its span');
  const shown = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${shown} and ${names.length - 5} more differ` : `${shown} ${names.length === 1 ? 'differs' : 'differ'}`;
}

function placesOf(links: Iterable<LinkCopy>): Map<number, LinkCopy[]> {
  const places = new Map<number, LinkCopy[]>();
  for (const link of links) {
    const place = places.get(link.seq);
    if (place === undefined) places.set(link.seq, [link]);
    else place.push(link);
  }
  return places;
}

/** Divergences told one by one; a session of which more is wrong than this is told about once more. */
const TOLD = 100;

/**
 * What of a comparison becomes findings: one for a session of which nothing is in the store or on record, else one a link. A store
 * that was emptied must not bury everything else under a finding for each of a million links.
 */
export function toldOf(
  divergences: readonly Divergence[],
  facts: { readonly recorded: number; readonly stored: number },
): readonly Divergence[] {
  const [first] = divergences;
  if (first === undefined) return [];
  if (facts.stored === 0) {
    const lost = divergences.flatMap((divergence) => divergence.lost);
    return [{ ...first, lost, detail: `none of the ${divergences.length} links on record is in Tempo` }];
  }
  if (facts.recorded === 0) {
    return [{ ...first, detail: `the session is in Tempo with ${divergences.length} links and not on record here` }];
  }
  if (divergences.length <= TOLD) return divergences;
  const rest = divergences.slice(TOLD - 1);
  const [next = first] = rest;
  return [
    ...divergences.slice(0, TOLD - 1),
    { ...next, lost: rest.flatMap(({ lost }) => lost), detail: `${next.detail}; and so are ${rest.length - 1} links behind it` },
  ];
}
