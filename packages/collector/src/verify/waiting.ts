import { ATTR, type LinkCopy } from '@agent-custody/chain';
import type { Ledger } from '../ledger/ledger.js';
import { scanRequest } from '../scan/index.js';

/**
 * Which links the ledger still has to forward: in the outbox, set aside from it, or held behind a hole. A trace store cannot be
 * blamed for lacking those.
 *
 * @param maxBytes of requests looked through
 * @returns undefined when more than that waits: then nobody can tell
 * @throws LedgerError
 */
export function unforwardedIn(
  ledger: Ledger,
  links: readonly LinkCopy[],
  maxBytes = Number.POSITIVE_INFINITY,
): ReadonlySet<LinkCopy> | undefined {
  const bySpan = new Map<string, LinkCopy[]>();
  for (const link of links) {
    const key = `${link.traceId}/${link.spanId}`;
    const place = bySpan.get(key);
    if (place === undefined) bySpan.set(key, [link]);
    else place.push(link);
  }
  const out = new Set<LinkCopy>();
  let bytes = 0;
  for (const request of ledger.undelivered()) {
    bytes += request.length;
    if (bytes > maxBytes) return undefined;
    for (const { view, isLinkClaim } of scanRequest(request).spans) {
      if (!isLinkClaim) continue;
      const hash = view.attributes.find(([key]) => key === ATTR.hash)?.[1];
      for (const link of bySpan.get(`${view.traceId}/${view.spanId}`) ?? []) if (link.hash === hash) out.add(link);
    }
  }
  return out;
}
