import { PACKED_HEAD_BYTES, unpacked, unpackedSize } from '../../scan/index.js';
import type { OutboxEntry } from '../ledger.js';
import type { Connection, Statement } from './connection.js';

/** Entries whose sizes are looked at in one go. */
const SIZES_AT_A_TIME = 512;
/** Bytes of entries kept in memory until they are sent: most are, moments after they were written. */
const RECENT_BYTES = 16 << 20;

/** Bounds of what is read of the outbox in one go by who only looks. */
const READ_AT_A_TIME = { bytes: 4 << 20, spans: 8_192 };

function* oneByOne(from: Statement<[id: number, request: Uint8Array]>): Iterable<Uint8Array> {
  for (let row = from.first(0); row !== undefined; row = from.first(row[0])) yield unpacked(row[1]);
}

/** What still has to reach Tempo, and the spans of links that wait for the verifier. */
export class OutboxTable {
  private readonly insert: Statement;
  private readonly sizes: Statement<[id: number, spans: number, bytes: number, head: Uint8Array]>;
  private readonly stretch: Statement<[id: number, spans: number, request: Uint8Array]>;
  private readonly ends: Statement<[oldest: number | null, newest: number | null]>;
  private readonly remove: Statement<[spans: number]>;
  private readonly keepAside: Statement;
  private readonly requeue: Statement;
  private readonly dropAside: Statement;
  private readonly asideFrom: Statement<[id: number, request: Uint8Array]>;
  private readonly heldFrom: Statement<[id: number, request: Uint8Array]>;
  private readonly total: Statement<[waiting: number, aside: number]>;
  private readonly holdOne: Statement;
  private readonly heldOnes: Statement<[request: Uint8Array]>;
  private readonly dropHeld: Statement;
  private readonly heldSeqs: Statement<[seq: number]>;
  private readonly sessionsHeld: Statement<[session: string]>;

  /** Counted once and kept up to date: an outbox that has grown for a day is asked for its size every few seconds. */
  private counted: { spans: number; aside: number } | undefined;
  private readonly recent = new Map<number, Uint8Array>();
  private recentBytes = 0;

  constructor(private readonly connection: Connection) {
    this.insert = connection.prepare('INSERT INTO outbox (spans, request) VALUES (?, ?)');
    this.sizes = connection.prepare(
      `SELECT id, spans, length(request), substr(request, 1, ${PACKED_HEAD_BYTES}) FROM outbox WHERE id > ? ORDER BY id LIMIT ${SIZES_AT_A_TIME}`,
    );
    this.stretch = connection.prepare('SELECT id, spans, request FROM outbox WHERE id > ? AND id <= ? ORDER BY id');
    // Two look-ups: SQLite answers min() and max() from the key alone only when each stands alone.
    this.ends = connection.prepare('SELECT (SELECT min(id) FROM outbox), (SELECT max(id) FROM outbox)');
    this.remove = connection.prepare('DELETE FROM outbox WHERE id = ? RETURNING spans');
    this.keepAside = connection.prepare(
      'INSERT INTO aside (id, spans, reason, request) SELECT id, spans, ?, request FROM outbox WHERE id = ?',
    );
    this.requeue = connection.prepare('INSERT INTO outbox (spans, request) SELECT spans, request FROM aside ORDER BY id');
    this.dropAside = connection.prepare('DELETE FROM aside');
    this.asideFrom = connection.prepare('SELECT id, request FROM aside WHERE id > ? ORDER BY id LIMIT 1');
    this.heldFrom = connection.prepare('SELECT id, request FROM held WHERE id > ? ORDER BY id LIMIT 1');
    this.total = connection.prepare('SELECT (SELECT coalesce(sum(spans), 0) FROM outbox), (SELECT coalesce(sum(spans), 0) FROM aside)');
    this.holdOne = connection.prepare('INSERT INTO held (session, seq, request) VALUES (?, ?, ?)');
    this.heldOnes = connection.prepare('SELECT request FROM held WHERE session = ? AND seq = ? ORDER BY id');
    this.heldSeqs = connection.prepare('SELECT DISTINCT seq FROM held WHERE session = ? ORDER BY seq');
    this.sessionsHeld = connection.prepare('SELECT DISTINCT session FROM held');
    this.dropHeld = connection.prepare('DELETE FROM held WHERE session = ? AND seq = ?');
  }

  enqueue(request: Uint8Array, spans: number, packed = request): void {
    const { rowId } = this.insert.run(spans, packed);
    this.count(spans, 0);
    this.remember(rowId, request);
  }

  head(bounds: { readonly bytes: number; readonly spans: number; readonly after: number }): readonly OutboxEntry[] {
    const chosen: { readonly id: number; readonly spans: number }[] = [];
    let bytesSoFar = 0;
    let spansSoFar = 0;
    for (const [id, spans, bytes, head] of this.sizes.all(bounds.after)) {
      bytesSoFar += unpackedSize(head, bytes);
      spansSoFar += spans;
      if (chosen.length > 0 && (bytesSoFar > bounds.bytes || spansSoFar > bounds.spans)) break;
      chosen.push({ id, spans });
    }
    const last = chosen.at(-1);
    if (last === undefined) return [];
    const known = chosen.flatMap(({ id, spans }) => {
      const request = this.recent.get(id);
      return request === undefined ? [] : [{ id, spans, request }];
    });
    if (known.length === chosen.length) return known;
    return this.stretch.all(bounds.after, last.id).map(([id, spans, request]) => ({ id, spans, request: unpacked(request) }));
  }

  acknowledge(ids: readonly number[]): void {
    this.atomically(() => {
      for (const id of ids) this.take(id);
    });
  }

  split(id: number, parts: readonly { readonly request: Uint8Array; readonly spans: number }[]): void {
    this.atomically(() => {
      for (const part of parts) this.enqueue(part.request, part.spans);
      this.take(id);
    });
  }

  setAside(id: number, reason: string): void {
    this.atomically(() => {
      this.keepAside.run(reason, id);
      this.count(0, this.take(id));
    });
  }

  requeueAside(): void {
    this.atomically(() => {
      this.requeue.run();
      this.dropAside.run();
      this.forget();
    });
  }

  range(): { readonly oldest: number; readonly newest: number } | undefined {
    const [oldest, newest] = this.ends.first() ?? [null, null];
    return oldest === null || newest === null ? undefined : { oldest, newest };
  }

  size(): { readonly spans: number; readonly aside: number } {
    if (this.counted === undefined) {
      const [spans, aside] = this.total.first() ?? [0, 0];
      this.counted = { spans, aside };
    }
    return { ...this.counted };
  }

  /** After a roll-back: what was counted may never have been written. */
  forget(): void {
    this.counted = undefined;
    this.recent.clear();
    this.recentBytes = 0;
  }

  /** In the order in which an entry moves on; what is set aside may come back, and is looked at before and after. */
  *undelivered(): Iterable<Uint8Array> {
    yield* oneByOne(this.heldFrom);
    yield* oneByOne(this.asideFrom);
    let after = 0;
    for (let head = this.head({ ...READ_AT_A_TIME, after }); head.length > 0; head = this.head({ ...READ_AT_A_TIME, after })) {
      for (const { request } of head) yield request;
      after = head.at(-1)?.id ?? Number.MAX_SAFE_INTEGER;
    }
    yield* oneByOne(this.asideFrom);
  }

  hold(session: string, seq: number, request: Uint8Array): void {
    this.holdOne.run(session, seq, request);
  }

  takeHeld(session: string, seq: number): readonly Uint8Array[] {
    const held = this.heldOnes.all(session, seq).map(([request]) => request);
    if (held.length > 0) this.dropHeld.run(session, seq);
    return held;
  }

  heldLinks(session: string): readonly number[] {
    return this.heldSeqs.all(session).map(([seq]) => seq);
  }

  heldSessions(): readonly string[] {
    return this.sessionsHeld.all().map(([session]) => session);
  }

  private atomically(work: () => void): void {
    try {
      this.connection.atomically(work);
    } catch (error) {
      this.forget();
      throw error;
    }
  }

  /** Removes an entry. @returns its spans */
  private take(id: number): number {
    const spans = this.remove.all(id)[0]?.[0] ?? 0;
    this.drop(id);
    this.count(-spans, 0);
    return spans;
  }

  private remember(id: number, request: Uint8Array): void {
    // Past the bound the newest are not kept: the oldest are sent first.
    if (this.recentBytes + request.length > RECENT_BYTES) return;
    this.recent.set(id, request);
    this.recentBytes += request.length;
  }

  private drop(id: number): void {
    this.recentBytes -= this.recent.get(id)?.length ?? 0;
    this.recent.delete(id);
  }

  private count(spans: number, aside: number): void {
    if (this.counted === undefined) return;
    this.counted.spans += spans;
    this.counted.aside += aside;
  }
}
