import { ATTR, type Hashing, type LinkCopy, type Reading, readSpan, type WireValue } from '@agent-custody/chain';

/** What of a stored link is evidence. */
export type StoredLink = Pick<LinkCopy, 'hash' | 'attributes' | 'content' | 'traceId' | 'spanId'>;

/** Reads a stored link as if its span had just come: hash and digests are taken anew, whatever was noted about them. */
export function readStored(link: StoredLink, hashing: Hashing): Reading {
  const attributes: (readonly [string, WireValue])[] = [
    ...Object.entries(link.attributes),
    [ATTR.hash, link.hash],
    ...Object.entries(link.content),
  ];
  return readSpan({ traceId: link.traceId, spanId: link.spanId, attributes }, hashing);
}

/**
 * Reads a link of a ledger anew. The row's own columns prove nothing; where they say something else than the attributes that were
 * hashed, the row was edited, and that counts against the place that it stands for.
 */
export function reread(stored: LinkCopy, hashing: Hashing): Reading {
  const reading = readStored(stored, hashing);
  const edited = (what: string): Reading => ({
    type: 'malformed',
    session: stored.session,
    seq: stored.seq,
    detail: `the ledger's row was edited: ${what}`,
    traceId: stored.traceId,
    spanId: stored.spanId,
  });
  if (reading.type !== 'link') return edited(reading.type === 'none' ? 'it holds no link' : reading.detail);
  const { link } = reading;
  if (link.session !== stored.session || link.seq !== stored.seq) {
    return edited(`it stands for seq ${stored.seq}, and its link says seq ${link.seq} of session ${link.session}`);
  }
  return link.preimage === stored.preimage ? reading : edited('its preimage is not the canonical form of its attributes');
}
