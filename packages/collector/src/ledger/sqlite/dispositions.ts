import { hash } from 'node:crypto';
import { canonicalize } from '@agent-custody/chain';
import { z } from 'zod';
import type { Disposed, Erasure, PrunedSession, Pruning } from '../ledger.js';
import { prunedDigest } from '../pruned.js';
import type { Connection, Statement } from './connection.js';
import { withoutNul } from './pages.js';

const act = { at: z.iso.datetime(), by: z.string(), reason: z.string() };
const recordSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('pruning'),
    ...act,
    before: z.iso.datetime(),
    sessions: z.int(),
    links: z.int(),
    findings: z.int(),
    digest: z.string(),
  }),
  z.strictObject({ type: z.literal('erasure'), ...act, session: z.string(), links: z.int(), spans: z.int() }),
]);
type DispositionRecord = z.infer<typeof recordSchema>;

const NOTHING_BEFORE = '0'.repeat(64);

type PrunedRow = readonly [session: string, disposition: number, highestSeq: number, links: number, endHash: string];

/**
 * What was removed from the ledger: each entry's hash covers the entry and the hash of the one before (SPEC.md, "Retention and
 * erasure"), so that no removal can be struck off, or changed, without those after it showing it.
 */
export class DispositionsTable {
  private readonly insert: Statement;
  private readonly last: Statement<[hash: string]>;
  private readonly every: Statement<[id: number, record: string, hash: string]>;
  private readonly insertPruned: Statement;
  private readonly onePruned: Statement<PrunedRow>;
  private readonly prunedIn: Statement<PrunedRow>;
  /** Sessions that were asked for, and not pruned: asked at the first link of each. */
  private readonly notPruned = new Set<string>();

  /** @param writes nobody else does then, and what was not pruned a moment ago still is not */
  constructor(
    connection: Connection,
    private readonly writes: boolean,
  ) {
    this.insert = connection.prepare('INSERT INTO dispositions (record, hash) VALUES (?, ?)');
    this.last = connection.prepare('SELECT hash FROM dispositions ORDER BY id DESC LIMIT 1');
    this.every = connection.prepare('SELECT id, record, hash FROM dispositions ORDER BY id');
    this.insertPruned = connection.prepare(
      'INSERT INTO pruned (session, disposition, highest_seq, links, end_hash) VALUES (?, ?, ?, ?, ?)',
    );
    const columns = 'session, disposition, highest_seq, links, end_hash';
    this.onePruned = connection.prepare(`SELECT ${columns} FROM pruned WHERE session = ? ORDER BY disposition DESC LIMIT 1`);
    this.prunedIn = connection.prepare(`SELECT ${columns} FROM pruned WHERE disposition = ? ORDER BY session`);
  }

  prune(
    sessions: readonly Omit<PrunedSession, 'disposition'>[],
    about: Pick<Pruning, 'by' | 'reason' | 'atMs' | 'beforeMs' | 'links' | 'findings'>,
  ): Pruning {
    const { by, reason, atMs, beforeMs, links, findings } = about;
    const counted = { sessions: sessions.length, links, findings };
    const digest = prunedDigest(sessions);
    const id = this.append({
      type: 'pruning',
      at: isoTime(atMs),
      by: withoutNul(by),
      reason: withoutNul(reason),
      before: isoTime(beforeMs),
      ...counted,
      digest,
    });
    for (const one of sessions) this.insertPruned.run(one.session, id, one.highestSeq, one.links, one.endHash);
    this.notPruned.clear();
    return { type: 'pruning', id, by, reason, atMs, beforeMs, ...counted, digest };
  }

  erase(erasure: Omit<Erasure, 'id' | 'type'>): Erasure {
    const { by, reason, atMs, ...rest } = erasure;
    const id = this.append({ type: 'erasure', at: isoTime(atMs), by: withoutNul(by), reason: withoutNul(reason), ...rest });
    return { type: 'erasure', id, ...erasure };
  }

  all(): readonly Disposed[] {
    let before = NOTHING_BEFORE;
    return this.every.all().map(([id, record, stated]) => {
      const sound = stated === hashOf(before, record);
      before = stated;
      return { entry: entryOf(id, record), sound };
    });
  }

  pruned(session: string): PrunedSession | undefined {
    if (this.notPruned.has(session)) return undefined;
    const row = this.onePruned.first(session);
    if (row !== undefined) return prunedOf(row);
    if (!this.writes) return undefined;
    if (this.notPruned.size >= REMEMBERED) this.notPruned.clear();
    this.notPruned.add(session);
    return undefined;
  }

  prunedBy(disposition: number): readonly PrunedSession[] {
    return this.prunedIn.all(disposition).map(prunedOf);
  }

  private append(record: DispositionRecord): number {
    const text = canonicalize(record);
    return this.insert.run(text, hashOf(this.last.first()?.[0] ?? NOTHING_BEFORE, text)).rowId;
  }
}

const REMEMBERED = 20_000;

function hashOf(before: string, record: string): string {
  return hash('sha256', `agent-custody/v1/disposition\n${before}\n${record}`, 'hex');
}

const isoTime = (ms: number): string => new Date(ms).toISOString();

/** Undefined for a record that no release wrote: it is counted, and not sound. */
function entryOf(id: number, text: string): Pruning | Erasure | undefined {
  const parsed = recordSchema.safeParse(jsonOf(text));
  if (!parsed.success) return undefined;
  const { at, ...record } = parsed.data;
  const atMs = Date.parse(at);
  if (record.type === 'erasure') return { ...record, id, atMs };
  const { before, ...pruning } = record;
  return { ...pruning, id, atMs, beforeMs: Date.parse(before) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function prunedOf([session, disposition, highestSeq, links, endHash]: PrunedRow): PrunedSession {
  return { session, disposition, highestSeq, links, endHash };
}
