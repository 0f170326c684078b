import {
  createVerifier,
  FINDING_RULES,
  type Finding,
  forget,
  isSettled,
  type Limits,
  type LinkCopy,
  MemoryRecords,
  type Reading,
  type Register,
  reportOf,
  type SessionReport,
  step,
  type VerifierState,
} from '@agent-custody/chain';
import { nodeHashing } from '../hashing.js';

/** Sessions forgotten or refused whose ids are remembered, so that what still comes of them raises no false alarm. */
const REMEMBERED_IDS = 10_000;

/**
 * The verifier over a bounded memory. Links are kept until their session is settled and the room is needed; where every session
 * is still open and there is no room, further links are not judged, and an `overflow` finding says so once for each session.
 */
export class SessionBook {
  private readonly records = new MemoryRecords();
  private readonly state: VerifierState;
  /** Links kept of each session, the longest untouched first. */
  private readonly kept = new Map<string, number>();
  private total = 0;
  private readonly closed = new Set<string>();

  constructor(
    private readonly linksInMemory: number,
    options: { readonly limits?: Partial<Limits> | undefined; readonly register?: Register | undefined },
  ) {
    this.state = createVerifier({
      records: this.records,
      hashing: nodeHashing,
      ...(options.limits && { limits: options.limits }),
      ...(options.register && { register: options.register }),
    });
  }

  /** @param at ms on a monotonic scale */
  take(reading: Reading, at: number): readonly Finding[] {
    if (reading.type === 'none') return [];
    if (reading.type === 'malformed') {
      if (reading.session !== '') this.count(reading.session);
      return step(this.state, { ...reading, at }).findings;
    }
    const { link } = reading;
    if (this.closed.has(link.session)) return [];
    if (this.total >= this.linksInMemory && !this.makeRoom(at)) return [this.refuse(link)];
    const { status, findings } = step(this.state, { type: 'link', link, at });
    if (status !== 'duplicate') this.count(link.session);
    return findings;
  }

  /** Lets time pass. */
  tick(at: number): readonly Finding[] {
    return step(this.state, { type: 'tick', at }).findings;
  }

  report(session: string): SessionReport | undefined {
    return this.closed.has(session) ? undefined : reportOf(this.state, session);
  }

  private count(session: string): void {
    const links = (this.kept.get(session) ?? 0) + 1;
    this.kept.delete(session);
    this.kept.set(session, links);
    this.total++;
  }

  /** Forgets settled sessions, the longest untouched first, until a tenth of the room is free. */
  private makeRoom(at: number): boolean {
    this.tick(at);
    for (const [session, links] of this.kept) {
      if (this.total <= this.linksInMemory * 0.9) break;
      if (!isSettled(this.state, session)) continue;
      forget(this.state, session);
      this.records.drop(session);
      this.kept.delete(session);
      this.total -= links;
      this.close(session);
    }
    return this.total < this.linksInMemory;
  }

  private refuse(link: LinkCopy): Finding {
    const { session, seq, traceId, spanId } = link;
    this.close(session);
    const detail = `more than ${this.linksInMemory} links of open sessions: this session is not judged from here on`;
    return { session, code: 'overflow', ...FINDING_RULES.overflow, seq, detail, healed: false, traceId, spanId };
  }

  private close(session: string): void {
    this.closed.add(session);
    if (this.closed.size <= REMEMBERED_IDS) return;
    for (const oldest of this.closed) {
      this.closed.delete(oldest);
      break;
    }
  }
}
