import type { LinkCopy } from '@agent-custody/chain';

/** What is on record of sessions, for a trace store to be held against: a ledger, or a collector's API. */
export interface Evidence {
  /** For messages, such as a path. */
  readonly name: string;
  /** Sessions of which something came at `sinceMs` (Unix ms) or later. */
  sessions(sinceMs: number): AsyncIterable<string>;
  /** Every copy on record now, ascending by seq; undefined when nothing is to be compared: the record was pruned. */
  links(session: string): Promise<readonly LinkCopy[] | undefined>;
  /** From which seq on links may have been forwarded that are not on record; undefined when none were. */
  boundedFrom(session: string): Promise<number | undefined>;
  /** When something last came of a session, Unix ms. */
  lastSeenMs(session: string): Promise<number>;
  /** To be called when the links are known that {@link unforwarded} will be asked about. */
  mark(): Promise<void>;
  /** Which of these links are not forwarded yet; undefined when nobody can tell. */
  unforwarded(links: readonly LinkCopy[]): Promise<ReadonlySet<LinkCopy> | undefined>;
}
