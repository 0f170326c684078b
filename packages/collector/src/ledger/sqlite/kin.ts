import { type LinkCopy, MemoryRecords } from '@agent-custody/chain';
import type { Kin } from '../ledger.js';
import type { Connection, Statement } from './connection.js';
import { blockOf, lineOf, linesOf, linkOf } from './segments.js';

type Row = readonly [session: string, seq: number, ended: string, links: string];

/**
 * Links of sessions that are not here any more and that those which are here look up: the parent's link that a child names, the
 * start of a child that its parent announced, the start of the session before with the same memory. Without them every pruning
 * would turn honest sessions into orphans.
 *
 * There are few, so all of them are in memory, where they cost the look-ups of the living next to nothing.
 */
export class KinTable {
  private readonly insert: Statement;
  private readonly remove: Statement;
  private readonly every: Statement<Row>;
  private loaded: { readonly kin: ReadonlyMap<string, Kin>; readonly records: MemoryRecords } | undefined;

  constructor(connection: Connection) {
    this.insert = connection.prepare('INSERT OR REPLACE INTO kin (session, seq, ended, links) VALUES (?, ?, ?, ?)');
    this.remove = connection.prepare('DELETE FROM kin WHERE session = ? AND seq = ?');
    this.every = connection.prepare('SELECT session, seq, ended, links FROM kin');
  }

  /** What is disclosed does not stay: it is the chain that is looked up. */
  keep({ session, seq, ended, copies }: Kin): void {
    this.insert.run(session, seq, ended, copies.map((copy) => lineOf({ ...copy, content: {} })).join('\n'));
    this.forget();
  }

  drop({ session, seq }: Kin): void {
    this.remove.run(session, seq);
    this.forget();
  }

  /** As of now: a reader's view is as old as its first look-up otherwise. */
  all(): readonly Kin[] {
    this.forget();
    return [...this.load().kin.values()];
  }

  /** Undefined where nothing is known of this place; no copies where it was missing already. */
  at(session: string, seq: number): readonly LinkCopy[] | undefined {
    return this.load().kin.get(placeOf(session, seq))?.copies;
  }

  spawnsOf(child: string): readonly LinkCopy[] {
    return this.load().records.spawnsOf(child);
  }

  childrenOf(parent: string): readonly LinkCopy[] {
    return this.load().records.childrenOf(parent);
  }

  /**
   * Starts of sessions with this memory, each with the time at which its session ended: the memory rule passes over a predecessor
   * that is not here, and must come upon this one exactly where it stands between two sessions or overlaps one.
   */
  sharers(agentId: string, memoryStore: string): readonly LinkCopy[] {
    const { kin, records } = this.load();
    return records.sharers(agentId, memoryStore).map((link) => {
      const ended = kin.get(placeOf(link.session, link.seq))?.ended ?? '';
      return ended === '' ? link : { ...link, time: ended };
    });
  }

  forget(): void {
    this.loaded = undefined;
  }

  private load(): NonNullable<typeof this.loaded> {
    if (this.loaded !== undefined) return this.loaded;
    const kin = new Map<string, Kin>();
    const records = new MemoryRecords();
    for (const [session, seq, ended, links] of this.every.all()) {
      const copies = links === '' ? [] : linesOf(links, blockOf(seq)).map((line) => linkOf(session, line));
      kin.set(placeOf(session, seq), { session, seq, ended, copies });
      for (const copy of copies) records.keep(copy);
    }
    this.loaded = { kin, records };
    return this.loaded;
  }
}

const placeOf = (session: string, seq: number): string => `${session} ${seq}`;
