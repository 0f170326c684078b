import { ATTR, type LinkCopy } from '@agent-custody/chain';
import type { Connection, Statement } from './connection.js';
import { withoutNul } from './pages.js';
import { blockOf, lineOf, linesOf, linkOf, type SegmentLine } from './segments.js';

/** Segments read at a time where there may be many: no read leaves a cursor open. */
const PAGE = 64;
/** Sessions whose highest seq is remembered, to answer for a new link without a look-up that nobody is in its place. */
const REMEMBERED_SESSIONS = 20_000;

/** Links that a ledger in memory gathers before it writes them. */
const GATHERED_IN_MEMORY = 1_024;

/** What the running transaction took of one session and block: text already, because objects that live until a commit cost more. */
interface Gathered {
  readonly lines: string[];
  readonly actions: Set<string>;
  readonly relations: { readonly key: string; readonly time: string; readonly seq: number }[];
}

/** The copies of links, packed into segments, and chain's look-ups of them. */
export class LinksTable {
  private readonly insert: Statement;
  private readonly insertActions: Statement;
  private readonly insertRelation: Statement;
  private readonly ofBlock: Statement<[links: string]>;
  private readonly nextBlock: Statement<[block: number, links: string]>;
  private readonly lastBlock: Statement<[block: number, links: string]>;
  private readonly blocksOfAction: Statement<[block: number]>;
  private readonly related: Statement<[session: string, seq: number]>;
  private readonly sharing: Statement<[session: string, time: string]>;
  private readonly byArrival: Statement<[id: number, session: string, block: number, links: string]>;
  private readonly heights = new Map<string, number>();
  /** What is not written yet, by session and block; undefined outside of a transaction, where a link must be durable at once. */
  private gathered: Map<string, Map<number, Gathered>> | undefined;
  private gatheredLinks = 0;

  /** @param inMemory nothing is durable there: links need not be written one by one outside of transactions either */
  constructor(
    private readonly connection: Connection,
    private readonly inMemory: boolean,
  ) {
    if (inMemory) this.gathered = new Map();
    this.insert = connection.prepare('INSERT INTO segments (session, block, links) VALUES (?, ?, ?)');
    this.insertActions = connection.prepare(
      'INSERT INTO actions (session, action, block) SELECT ?, value, ? FROM json_each(?) WHERE true ON CONFLICT DO NOTHING',
    );
    this.insertRelation = connection.prepare('INSERT INTO relations (key, time, session, seq) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING');
    this.ofBlock = connection.prepare('SELECT links FROM segments WHERE session = ? AND block = ? ORDER BY id');
    const atEnd = (which: string) =>
      connection.prepare<[number, string]>(`SELECT block, links FROM segments WHERE session = ?1 AND block = (${which}) ORDER BY id`);
    this.nextBlock = atEnd('SELECT min(block) FROM segments WHERE session = ?1 AND block >= ?2');
    this.lastBlock = atEnd('SELECT max(block) FROM segments WHERE session = ?1');
    this.blocksOfAction = connection.prepare('SELECT block FROM actions WHERE session = ? AND action = ? ORDER BY block');
    this.related = connection.prepare('SELECT DISTINCT session, seq FROM relations WHERE key = ?');
    this.sharing = connection.prepare('SELECT session, time FROM relations WHERE key = ? ORDER BY time, session');
    this.byArrival = connection.prepare(`SELECT id, session, block, links FROM segments WHERE id > ? ORDER BY id LIMIT ${PAGE}`);
  }

  /** Runs the work of a transaction; what it keeps is written in as few segments as may be, when it is asked for or at the end. */
  gathering<T>(work: () => T): T {
    this.gathered = new Map();
    try {
      const result = work();
      this.settle();
      return result;
    } finally {
      this.gathered = this.inMemory ? new Map() : undefined;
      this.gatheredLinks = 0;
    }
  }

  /**
   * Writes what was gathered: before others read the tables themselves, and before a transaction begins, whose roll-back must not take
   * with it what came before.
   */
  settle(): void {
    for (const session of this.gathered?.keys() ?? []) this.write(session);
    this.gatheredLinks = 0;
  }

  keep(link: LinkCopy): void {
    const height = this.heights.get(link.session);
    if (height !== undefined && link.seq > height) this.heights.set(link.session, link.seq);
    const block = blockOf(link.seq);
    if (this.gathered === undefined) {
      this.connection.atomically(() => this.writeSegment(link.session, block, add(link, undefined)));
      return;
    }
    let blocks = this.gathered.get(link.session);
    if (blocks === undefined) this.gathered.set(link.session, (blocks = new Map()));
    const known = blocks.get(block);
    const grown = add(link, known);
    if (known === undefined) blocks.set(block, grown);
    if (this.inMemory && ++this.gatheredLinks >= GATHERED_IN_MEMORY) this.settle();
  }

  copies(session: string, seq: number): readonly LinkCopy[] {
    if (seq > this.height(session)) return [];
    const block = blockOf(seq);
    const stored = this.ofBlock.all(session, block).map(([links]) => links);
    const gathered = this.gathered?.get(session)?.get(block);
    return [...stored, ...(gathered === undefined ? [] : [gathered.lines.join('\n')])]
      .flatMap((segment) => linesOf(segment, block))
      .filter((line) => line.seq === seq)
      .map((line) => linkOf(session, line));
  }

  *links(session: string, from: number): Iterable<LinkCopy> {
    this.write(session);
    let next = blockOf(from);
    for (let rows = this.nextBlock.all(session, next); rows.length > 0; rows = this.nextBlock.all(session, next)) {
      const block = rows[0]?.[0] as number;
      for (const line of linesIn(rows)) if (line.seq >= from) yield linkOf(session, line);
      next = block + 1;
    }
  }

  *allLinks(): Iterable<LinkCopy> {
    this.settle();
    for (let page = this.byArrival.all(0); page.length > 0; ) {
      for (const [, session, block, links] of page) for (const line of linesOf(links, block)) yield linkOf(session, line);
      page = this.byArrival.all(page.at(-1)?.[0] ?? Number.MAX_SAFE_INTEGER);
    }
  }

  action(session: string, actionId: string): readonly LinkCopy[] {
    this.write(session);
    // What JSON has between the quotes of a preimage: only lines that hold it are worth parsing.
    const quoted = JSON.stringify(actionId);
    return this.blocksOfAction
      .all(session, withoutNul(actionId))
      .flatMap(([block]) => this.ofBlock.all(session, block).flatMap(([links]) => linesOf(links, block)))
      .filter((line) => line.text.includes(quoted))
      .map((line) => linkOf(session, line))
      .filter((link) => actionOf(link) === actionId);
  }

  spawnsOf(child: string): readonly LinkCopy[] {
    return this.relatedBy(childKey(child)).filter((link) => childOf(link) === child);
  }

  childrenOf(parent: string): readonly LinkCopy[] {
    return this.relatedBy(parentKey(parent)).filter((link) => parentOf(link) === parent);
  }

  /** Told from the index alone: a memory may be shared by every session that an agent ever had. */
  sharers(agentId: string, memoryStore: string): readonly Pick<LinkCopy, 'session' | 'time'>[] {
    this.settle();
    return this.sharing.all(storeKey(agentId, memoryStore)).map(([session, time]) => ({ session, time: time.replace(/^0+/, '') }));
  }

  /** After a roll-back: what was remembered may never have been written. */
  forget(): void {
    this.heights.clear();
  }

  private relatedBy(key: string): readonly LinkCopy[] {
    this.settle();
    return this.related.all(key).flatMap(([session, seq]) => this.copies(session, seq));
  }

  private height(session: string): number {
    const known = this.heights.get(session);
    if (known !== undefined) return known;
    this.write(session);
    let height = 0;
    for (const { seq } of linesIn(this.lastBlock.all(session))) if (seq > height) height = seq;
    if (this.heights.size >= REMEMBERED_SESSIONS) this.heights.clear();
    this.heights.set(session, height);
    return height;
  }

  private write(session: string): void {
    const blocks = this.gathered?.get(session);
    if (blocks === undefined) return;
    this.gathered?.delete(session);
    for (const [block, gathered] of blocks) this.writeSegment(session, block, gathered);
  }

  private writeSegment(session: string, block: number, { lines, actions, relations }: Gathered): void {
    this.insert.run(session, block, lines.join('\n'));
    if (actions.size > 0) this.insertActions.run(session, block, JSON.stringify([...actions]));
    for (const { key, time, seq } of relations) this.insertRelation.run(key, time, session, seq);
  }
}

function add(link: LinkCopy, gathered: Gathered | undefined): Gathered {
  const to = gathered ?? { lines: [], actions: new Set(), relations: [] };
  to.lines.push(lineOf(link));
  const action = actionOf(link);
  if (action !== undefined) to.actions.add(withoutNul(action));
  for (const key of relationsOf(link)) to.relations.push({ key, time: sortable(link.time), seq: link.seq });
  return to;
}

/** The links of a block's segments, ascending by seq, in the order of arrival. A line that was moved there stands in no place. */
function linesIn(rows: readonly (readonly [block: number, links: string])[]): readonly SegmentLine[] {
  const lines = rows.flatMap(([block, links]) => linesOf(links, block).filter(({ seq }) => blockOf(seq) === block));
  return lines.sort((a, b) => a.seq - b.seq);
}

// What a link can be looked up by, beside its place: as chain's `Records` asks, by kind as stated.

function actionOf(link: LinkCopy): string | undefined {
  const { kind } = link;
  return kind === 'action.intent' || kind === 'action.outcome' || kind === 'approval' ? text(link, ATTR.actionId) : undefined;
}

function childOf(link: LinkCopy): string | undefined {
  return link.kind === 'child.spawn' ? text(link, ATTR.childSessionId) : undefined;
}

function parentOf(link: LinkCopy): string | undefined {
  return link.kind === 'session.start' ? text(link, ATTR.parentSessionId) : undefined;
}

function storeOf(link: LinkCopy): string | undefined {
  return link.kind === 'session.start' ? text(link, ATTR.memoryStore) : undefined;
}

/** A time of at most 20 digits, so that texts sort as the numbers do. */
const sortable = (time: string): string => time.padStart(20, '0');

const childKey = (child: string): string => `child ${withoutNul(child)}`;
const parentKey = (parent: string): string => `parent ${withoutNul(parent)}`;
/** As JSON, which has no NUL in it: nothing is compared again with what it finds. */
const storeKey = (agentId: string, store: string): string => `store ${JSON.stringify([agentId, store])}`;

function relationsOf(link: LinkCopy): readonly string[] {
  const child = childOf(link);
  if (child !== undefined) return [childKey(child)];
  if (link.kind !== 'session.start') return [];
  const parent = parentOf(link);
  const store = storeOf(link);
  const agent = text(link, ATTR.agentId);
  return [
    ...(parent === undefined ? [] : [parentKey(parent)]),
    ...(store === undefined || agent === undefined ? [] : [storeKey(agent, store)]),
  ];
}

function text(link: LinkCopy, key: string): string | undefined {
  const value = link.attributes[key];
  return typeof value === 'string' ? value : undefined;
}
