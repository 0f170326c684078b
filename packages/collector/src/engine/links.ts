import { FINDING_RULES, type LinkStatus } from '@agent-custody/chain';
import type { Ledger, RecordedLink } from '../ledger/ledger.js';

/**
 * Copies of a session's links with what each counts as by all that is on record, ascending by seq.
 *
 * @param from the first seq wanted
 * @param limit copies at most
 */
export function linksOf(session: string, ledger: Ledger, from = 1, limit = Number.POSITIVE_INFINITY): readonly RecordedLink[] {
  const broken = new Set(
    ledger
      .findings(session)
      .filter((finding) => !finding.healed && FINDING_RULES[finding.code].against === 'integrity')
      .map((finding) => finding.seq),
  );
  const out: RecordedLink[] = [];
  let before = 0;
  let current = 0;
  for (const link of ledger.links(session, Math.max(1, from - 1))) {
    if (out.length >= limit) break;
    if (link.seq !== current) {
      before = current;
      current = link.seq;
    }
    if (link.seq >= from) out.push({ link, status: statusOf(link.seq, before, broken) });
  }
  return out;
}

function statusOf(seq: number, before: number, broken: ReadonlySet<number>): LinkStatus {
  if (broken.has(seq)) return 'broken';
  return before === seq - 1 ? 'linked' : 'held';
}
