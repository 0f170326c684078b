import { ATTR, type LinkCopy } from '@agent-custody/chain';
import type { Act, Kin, PrunedSession, Pruning } from '../ledger.js';
import type { Connection, Statement } from './connection.js';
import type { DispositionsTable } from './dispositions.js';
import type { KinTable } from './kin.js';
import type { LinksTable } from './links.js';

/** Tables with rows of one session. */
const TABLES = ['segments', 'actions', 'relations', 'findings', 'sessions', 'held', 'approvals'] as const;

export interface PruneParts {
  readonly connection: Connection;
  readonly links: LinksTable;
  readonly kin: KinTable;
  readonly dispositions: DispositionsTable;
}

/** Removes sessions, and keeps of them what the sessions that stay look up. */
export class Pruner {
  private readonly oldest: Statement<[session: string]>;
  private readonly removals: readonly Statement[];
  private readonly dropNotices: Statement;
  private readonly removeStray: Statement;
  private readonly countFindings: Statement<[count: number]>;
  private readonly isHere: Statement<[one: number]>;

  constructor(private readonly parts: PruneParts) {
    const { connection } = parts;
    this.oldest = connection.prepare('SELECT session FROM sessions WHERE waiting = 0 AND last_seen_ms < ? ORDER BY last_seen_ms LIMIT ?');
    this.removals = TABLES.map((table) => connection.prepare(`DELETE FROM ${table} WHERE session = ?`));
    // What an approver was to be shown, and has not been told yet.
    this.dropNotices = connection.prepare(
      'DELETE FROM notices WHERE EXISTS (SELECT 1 FROM approvals WHERE approvals.session = ? AND instr(notices.body, approvals.request) > 0)',
    );
    // Asked for in sessions of which nothing ever came: nobody else would remove them.
    this.removeStray = connection.prepare(
      'DELETE FROM approvals WHERE expires_ms < ? AND NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.session = approvals.session)',
    );
    this.countFindings = connection.prepare('SELECT count(*) FROM findings WHERE session = ?');
    this.isHere = connection.prepare('SELECT 1 FROM segments WHERE session = ? LIMIT 1');
  }

  prunable(beforeMs: number, limit: number): readonly string[] {
    return this.oldest.all(Math.trunc(beforeMs), limit).map(([session]) => session);
  }

  prune(sessions: readonly string[], act: Act & { readonly beforeMs: number }): Pruning {
    const { links, kin, dispositions } = this.parts;
    const neighbours = new Neighbours(this.parts, (session) => this.isHere.first(session) !== undefined);
    const pruned: Omit<PrunedSession, 'disposition'>[] = [];
    let findings = 0;
    for (const session of sessions) {
      const all = [...links.links(session, 1)];
      const last = all.at(-1);
      const seqs = new Set(all.map((link) => link.seq));
      pruned.push({ session, highestSeq: last?.seq ?? 0, links: seqs.size, endHash: last?.hash ?? '' });
      findings += this.countFindings.first(session)?.[0] ?? 0;
      for (const place of neighbours.placesLookedUp(session, all)) kin.keep(place);
    }
    for (const session of sessions) for (const removal of [this.dropNotices, ...this.removals]) removal.run(session);
    this.removeStray.run(Math.trunc(act.beforeMs));
    links.forget();
    // Only now is it known who is left: what was kept for the sake of a session that has gone as well goes too.
    const left = new Neighbours(this.parts, (session) => this.isHere.first(session) !== undefined);
    for (const place of kin.all().filter((place) => !left.needs(place))) kin.drop(place);
    return dispositions.prune(pruned, { ...act, links: pruned.reduce((sum, { links: count }) => sum + count, 0), findings });
  }
}

/** Which links of sessions that go (or have gone) are looked up by sessions that are here. */
class Neighbours {
  private readonly known = new Map<string, boolean>();

  constructor(
    private readonly parts: PruneParts,
    private readonly look: (session: string) => boolean,
  ) {}

  /** The places of a session to be kept, as long as those are here that look them up. */
  *placesLookedUp(session: string, all: readonly LinkCopy[]): Iterable<Kin> {
    const ended = all.at(-1)?.time ?? '';
    const named = new Set(this.parts.links.childrenOf(session).map((start) => start.attributes[ATTR.parentSeq]));
    const seqs = new Set([...all.filter(mayBeLookedUp).map((link) => link.seq), ...[...named].filter((seq) => typeof seq === 'number')]);
    for (const seq of seqs) yield { session, seq, ended, copies: all.filter((link) => link.seq === seq) };
  }

  /** Whether any session that is here looks this place up. */
  needs(place: Kin): boolean {
    const { session, seq, copies } = place;
    const { links } = this.parts;
    if (links.childrenOf(session).some((start) => start.attributes[ATTR.parentSeq] === seq)) return true;
    return copies.some((copy) => {
      if (copy.kind === 'child.spawn') return this.holds(copy.attributes[ATTR.childSessionId]);
      if (copy.kind !== 'session.start') return false;
      return this.holds(copy.attributes[ATTR.parentSessionId]) || links.spawnsOf(session).length > 0 || this.remembers(copy, place.ended);
    });
  }

  /**
   * Whether the memory rule may come upon this session: it overlaps one that is here and has its memory, or is the last before all
   * of them. One for each memory, then, and not one for each session that ever was.
   */
  private remembers(start: LinkCopy, ended: string): boolean {
    const agent = start.attributes[ATTR.agentId];
    const store = start.attributes[ATTR.memoryStore];
    if (typeof agent !== 'string' || typeof store !== 'string') return false;
    const here = this.parts.links.sharers(agent, store);
    if (here.length === 0) return false;
    const first = here.reduce((least, { time }) => (isBefore(time, least) ? time : least), here[0]?.time ?? '');
    if (!isBefore(ended, first)) return true;
    const gone = this.parts.kin.sharers(agent, store);
    return !gone.some((other) => other.session !== start.session && isBefore(ended, other.time) && isBefore(other.time, first));
  }

  private holds(session: unknown): boolean {
    if (typeof session !== 'string') return false;
    let held = this.known.get(session);
    if (held === undefined) this.known.set(session, (held = this.look(session)));
    return held;
  }
}

/** Others find it by what it says, and not only by its place. */
function mayBeLookedUp(link: LinkCopy): boolean {
  return link.kind === 'child.spawn' || (link.kind === 'session.start' && link.seq === 1);
}

/** Of two times in Unix nanoseconds, decimal without leading zeros. */
function isBefore(a: string, b: string): boolean {
  return a.length === b.length ? a < b : a.length < b.length;
}
