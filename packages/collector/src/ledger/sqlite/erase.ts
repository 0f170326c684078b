import type { ApprovalStore } from '../../approvals/store.js';
import { unpacked } from '../../scan/index.js';
import type { Act, Erasure, Rewritten } from '../ledger.js';
import type { Connection, Statement } from './connection.js';
import type { DispositionsTable } from './dispositions.js';
import { withoutContent } from './segments.js';

/** Tables with requests that wait: each may hold spans of any session. */
const WAITING = ['outbox', 'aside'] as const;

interface Waiting {
  readonly ids: Statement<[id: number]>;
  readonly one: Statement<[request: Uint8Array]>;
  readonly change: Statement;
  readonly remove: Statement;
}

/** Removes what a session disclosed, wherever the ledger has it. */
export class Eraser {
  private readonly segments: Statement<[id: number, links: string]>;
  private readonly rewriteSegment: Statement;
  private readonly onRecord: Statement<[one: number]>;
  private readonly held: Statement<[id: number, request: Uint8Array]>;
  private readonly changeHeld: Statement;
  private readonly waiting: readonly Waiting[];

  private readonly requests: Statement<[request: string]>;
  private readonly dropNotices: Statement;

  constructor(
    private readonly connection: Connection,
    private readonly dispositions: DispositionsTable,
    private readonly approvals: Pick<ApprovalStore, 'eraseApprovals'>,
  ) {
    this.requests = connection.prepare('SELECT request FROM approvals WHERE session = ?');
    this.dropNotices = connection.prepare('DELETE FROM notices WHERE instr(body, ?) > 0');
    this.segments = connection.prepare('SELECT id, links FROM segments WHERE session = ?');
    this.rewriteSegment = connection.prepare('UPDATE segments SET links = ? WHERE id = ?');
    this.onRecord = connection.prepare('SELECT 1 FROM sessions WHERE session = ?');
    this.held = connection.prepare('SELECT id, request FROM held WHERE session = ?');
    this.changeHeld = connection.prepare('UPDATE held SET request = ? WHERE id = ?');
    this.waiting = WAITING.map((table) => ({
      ids: connection.prepare(`SELECT id FROM ${table} ORDER BY id`),
      one: connection.prepare(`SELECT request FROM ${table} WHERE id = ?`),
      change: connection.prepare(`UPDATE ${table} SET request = ?, spans = ? WHERE id = ?`),
      remove: connection.prepare(`DELETE FROM ${table} WHERE id = ?`),
    }));
  }

  erase(session: string, act: Act, rewrite: (request: Uint8Array) => Rewritten | undefined): Erasure | undefined {
    return this.connection.atomically(() => {
      const segments = this.segments.all(session);
      if (segments.length === 0 && this.onRecord.first(session) === undefined) return undefined;
      let links = 0;
      for (const [id, text] of segments) {
        const erased = withoutContent(text);
        if (erased === text) continue;
        links += disclosing(text);
        this.rewriteSegment.run(erased, id);
      }
      // What an approver was to be shown: a notice of it that nobody has heard yet is not sent any more.
      for (const [request] of this.requests.all(session)) this.dropNotices.run(request);
      this.approvals.eraseApprovals(session);
      return this.dispositions.erase({ ...act, session, links, spans: this.eraseHeld(session, rewrite) + this.eraseWaiting(rewrite) });
    });
  }

  private eraseHeld(session: string, rewrite: (request: Uint8Array) => Rewritten | undefined): number {
    let touched = 0;
    for (const [id, request] of this.held.all(session)) {
      const rewritten = rewrite(request);
      if (rewritten === undefined) continue;
      this.changeHeld.run(rewritten.request, id);
      touched += rewritten.touched;
    }
    return touched;
  }

  private eraseWaiting(rewrite: (request: Uint8Array) => Rewritten | undefined): number {
    let touched = 0;
    for (const { ids, one, change, remove } of this.waiting) {
      for (const [id] of ids.all()) {
        const request = one.first(id)?.[0];
        const rewritten = request && rewrite(unpacked(request));
        if (rewritten === undefined) continue;
        touched += rewritten.touched;
        if (rewritten.spans === 0) remove.run(id);
        else change.run(rewritten.request, rewritten.spans, id);
      }
    }
    return touched;
  }
}

/** Lines whose last field is not empty. */
function disclosing(segment: string): number {
  return segment.split('\n').filter((line) => !line.endsWith('\t')).length;
}
