import { ATTR, type AttributeValue, type LinkCopy, WIRE_VERSION } from '@agent-custody/chain';
import type { Connection, Statement } from './connection.js';

type LinkRow = readonly [
  id: number,
  session: string,
  seq: number,
  hash: string,
  preimage: string,
  content: string | null,
  recomputes: number,
  disclosure: number,
];
const COLUMNS = 'id, session, seq, hash, preimage, content, recomputes, disclosure';

/** What the column `disclosure` holds is the position. */
const DISCLOSURES = ['none', 'verified', 'mismatch'] as const;

/** Rows read at a time where there may be many: no read leaves a cursor open. */
const PAGE = 256;
/** Sessions whose highest seq is remembered, to answer for a new link without a look-up that nobody is in its place. */
const REMEMBERED_SESSIONS = 20_000;

/** The copies of links, and chain's look-ups of them. */
export class LinksTable {
  private readonly insert: Statement;
  private readonly bySeq: Statement<LinkRow>;
  private readonly fromSeq: Statement<LinkRow>;
  private readonly byAction: Statement<LinkRow>;
  private readonly byChild: Statement<LinkRow>;
  private readonly byParent: Statement<LinkRow>;
  private readonly byStore: Statement<LinkRow>;
  private readonly byArrival: Statement<LinkRow>;
  private readonly highestSeq: Statement<[number | null]>;
  private readonly heights = new Map<string, number>();

  constructor(connection: Connection) {
    const select = (rest: string) => connection.prepare<LinkRow>(`SELECT ${COLUMNS} FROM links WHERE ${rest}`);
    this.insert = connection.prepare(
      'INSERT INTO links (session, seq, hash, preimage, content, recomputes, disclosure, action, child, parent, agent, store) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    );
    this.bySeq = select('session = ? AND seq = ? ORDER BY id');
    this.fromSeq = select('session = ? AND (seq, id) > (?, ?) ORDER BY seq, id LIMIT ?');
    this.byAction = select('session = ? AND action = ? ORDER BY id');
    this.byChild = select('child = ? ORDER BY id');
    this.byParent = select('parent = ? ORDER BY id');
    this.byStore = select('agent = ? AND store = ? ORDER BY id');
    this.byArrival = select(`id > ? ORDER BY id LIMIT ${PAGE}`);
    this.highestSeq = connection.prepare('SELECT max(seq) FROM links WHERE session = ?');
  }

  keep(link: LinkCopy): void {
    const keys = lookupKeys(link);
    this.insert.run(
      link.session,
      link.seq,
      link.hash,
      link.preimage,
      hasEntries(link.content) ? JSON.stringify(link.content) : null,
      link.recomputes ? 1 : 0,
      DISCLOSURES.indexOf(link.disclosure),
      keys.action,
      keys.child,
      keys.parent,
      keys.agent,
      keys.store,
    );
    const height = this.heights.get(link.session);
    if (height !== undefined && link.seq > height) this.heights.set(link.session, link.seq);
  }

  copies(session: string, seq: number): readonly LinkCopy[] {
    return seq > this.height(session) ? [] : this.bySeq.all(session, seq).map(linkOf);
  }

  *links(session: string, from: number): Iterable<LinkCopy> {
    // One at first: that a session is on record at all is asked by taking the first link and no more.
    let count = 1;
    for (let page = this.fromSeq.all(session, from, 0, count); page.length > 0; ) {
      for (const row of page) yield linkOf(row);
      const last = page.at(-1) as LinkRow;
      if (page.length < count) return;
      count = PAGE;
      page = this.fromSeq.all(session, last[2], last[0], count);
    }
  }

  *allLinks(): Iterable<LinkCopy> {
    for (let page = this.byArrival.all(0); page.length > 0; ) {
      for (const row of page) yield linkOf(row);
      page = this.byArrival.all(page.at(-1)?.[0] ?? Number.MAX_SAFE_INTEGER);
    }
  }

  action(session: string, actionId: string): readonly LinkCopy[] {
    return this.byAction
      .all(session, actionId)
      .map(linkOf)
      .filter((link) => link.attributes[ATTR.actionId] === actionId);
  }

  spawnsOf(child: string): readonly LinkCopy[] {
    return this.byChild.all(child).map(linkOf);
  }

  childrenOf(parent: string): readonly LinkCopy[] {
    return this.byParent.all(parent).map(linkOf);
  }

  sharers(agentId: string, memoryStore: string): readonly LinkCopy[] {
    return this.byStore
      .all(agentId, memoryStore)
      .map(linkOf)
      .filter((link) => link.attributes[ATTR.agentId] === agentId && link.attributes[ATTR.memoryStore] === memoryStore);
  }

  /** After a roll-back: what was remembered may never have been written. */
  forget(): void {
    this.heights.clear();
  }

  private height(session: string): number {
    const known = this.heights.get(session);
    if (known !== undefined) return known;
    const height = this.highestSeq.first(session)?.[0] ?? 0;
    if (this.heights.size >= REMEMBERED_SESSIONS) this.heights.clear();
    this.heights.set(session, height);
    return height;
  }
}

interface LookupKeys {
  readonly action: string | null;
  readonly child: string | null;
  readonly parent: string | null;
  readonly agent: string | null;
  readonly store: string | null;
}

const NO_KEYS: LookupKeys = { action: null, child: null, parent: null, agent: null, store: null };

/** What a link can be looked up by, beside its place: as chain's `Records` asks, by kind as stated. */
function lookupKeys(link: LinkCopy): LookupKeys {
  switch (link.kind) {
    case 'action.intent':
    case 'approval':
    case 'action.outcome':
      return { ...NO_KEYS, action: text(link, ATTR.actionId) };
    case 'child.spawn':
      return { ...NO_KEYS, child: text(link, ATTR.childSessionId) };
    case 'session.start': {
      const store = text(link, ATTR.memoryStore);
      return { ...NO_KEYS, parent: text(link, ATTR.parentSessionId), store, agent: store === null ? null : text(link, ATTR.agentId) };
    }
    default:
      return NO_KEYS;
  }
}

function text(link: LinkCopy, key: string): string | null {
  const value = link.attributes[key];
  return typeof value === 'string' ? value : null;
}

function hasEntries(content: Readonly<Record<string, string>>): boolean {
  for (const _ in content) return true;
  return false;
}

function linkOf(row: LinkRow): LinkCopy {
  const [, session, seq, hash, preimage, content, recomputes, disclosure] = row;
  const stored = storedOf(preimage, content) ?? UNREADABLE;
  const { attributes } = stored;
  return {
    session,
    seq,
    hash,
    preimage,
    attributes,
    kind: String(attributes[ATTR.kind]),
    version: Number(attributes[ATTR.version]),
    prev: String(attributes[ATTR.prev]),
    time: String(attributes[ATTR.time]),
    traceId: stored.traceId,
    spanId: stored.spanId,
    recomputes: recomputes === 1 && stored !== UNREADABLE,
    disclosure: DISCLOSURES[disclosure] ?? 'none',
    content: stored.content,
  };
}

type Stored = Pick<LinkCopy, 'attributes' | 'traceId' | 'spanId' | 'content'>;

/** What a row says that no collector wrote: nothing. It still stands for its place, so that it is judged and the rest with it. */
const UNREADABLE: Stored = {
  attributes: { [ATTR.kind]: 'unreadable', [ATTR.version]: WIRE_VERSION, [ATTR.prev]: '', [ATTR.time]: '0' },
  traceId: '',
  spanId: '',
  content: {},
};

/** Reads the row's two columns of JSON; undefined when they were edited, or damaged, past reading. */
function storedOf(preimage: string, content: string | null): Stored | undefined {
  try {
    const parsed = JSON.parse(preimage) as { attributes?: unknown; span_id?: unknown; trace_id?: unknown } | null;
    const disclosed: unknown = content === null ? {} : JSON.parse(content);
    const { attributes, span_id: spanId, trace_id: traceId } = parsed ?? {};
    if (!isRecord(attributes, isAttribute) || !isRecord(disclosed, isText)) return undefined;
    return typeof spanId === 'string' && typeof traceId === 'string' ? { attributes, spanId, traceId, content: disclosed } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isRecord<T>(value: unknown, holds: (item: unknown) => item is T): value is Record<string, T> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  for (const key in value) if (!holds((value as Record<string, unknown>)[key])) return false;
  return true;
}

const isText = (value: unknown): value is string => typeof value === 'string';

function isAttribute(value: unknown): value is AttributeValue {
  return isText(value) || typeof value === 'number' || (Array.isArray(value) && value.every(isText));
}
