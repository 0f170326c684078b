import type { Verdict } from '@agent-custody/chain';
import type { VerdictCount } from '../ledger/ledger.js';

/** How many sessions there are of each verdict, kept up to date so that nobody's scrape counts a million rows. */
export class VerdictCounts {
  private readonly counts = new Map<string, VerdictCount>();

  constructor(counted: readonly VerdictCount[]) {
    for (const count of counted) this.counts.set(keyOf(count), count);
  }

  /** A session went from one verdict to another. @param before undefined for a new session */
  moved(before: Verdict | undefined, after: Verdict): void {
    if (before !== undefined) this.add(before, -1);
    this.add(after, 1);
  }

  all(): readonly VerdictCount[] {
    return [...this.counts.values()];
  }

  private add(verdict: Verdict, change: 1 | -1): void {
    const { integrity, completeness, authority } = verdict;
    const key = keyOf(verdict);
    this.counts.set(key, { integrity, completeness, authority, sessions: (this.counts.get(key)?.sessions ?? 0) + change });
  }
}

const keyOf = ({ integrity, completeness, authority }: Verdict): string => `${integrity} ${completeness} ${authority}`;
