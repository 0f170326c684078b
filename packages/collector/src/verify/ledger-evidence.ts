import type { LinkCopy } from '@agent-custody/chain';
import { every } from '../ledger/every.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Evidence } from './evidence.js';
import { unforwardedIn } from './waiting.js';

/** A ledger as what a trace store is held against. Its rows are compared as they are: an edited one differs from what was sent. */
export class LedgerEvidence implements Evidence {
  constructor(
    private readonly ledger: Ledger,
    readonly name: string,
  ) {}

  async *sessions(sinceMs: number): AsyncGenerator<string> {
    for (const { session, lastSeenMs } of every((page) => this.ledger.sessionsPage(page))) if (lastSeenMs >= sinceMs) yield session;
  }

  async links(session: string): Promise<readonly LinkCopy[] | undefined> {
    const links = [...this.ledger.links(session, 1)];
    return links.length === 0 && this.ledger.prunedSession(session) !== undefined ? undefined : links;
  }

  async boundedFrom(session: string): Promise<number | undefined> {
    const bounds = this.ledger.findings(session).filter(({ code }) => code === 'overflow');
    return bounds.length === 0 ? undefined : Math.min(...bounds.map(({ seq }) => seq));
  }

  async lastSeenMs(session: string): Promise<number> {
    return this.ledger.session(session)?.lastSeenMs ?? 0;
  }

  async mark(): Promise<void> {
    // The outbox itself can be looked through, whenever that is.
  }

  async unforwarded(links: readonly LinkCopy[]): Promise<ReadonlySet<LinkCopy> | undefined> {
    return unforwardedIn(this.ledger, links);
  }
}
