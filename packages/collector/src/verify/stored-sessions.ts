import { ATTR, type Hashing, type LinkCopy, type Reading } from '@agent-custody/chain';
import { type CutContent, readStoredSpan } from '../tempo/cut.js';
import type { StoredTrace } from '../tempo/trace-answer.js';
import type { Judge } from './judge.js';

/** What is known of one session from the spans read so far. */
interface Seen {
  /** Of its latest link by its own clock, ms. */
  lastMs: number;
  highest: number;
  readonly seqs: Set<number>;
}

/** The sessions that a session names. */
export interface Kin {
  readonly parents: ReadonlySet<string>;
  readonly children: ReadonlySet<string>;
}

/**
 * Takes the traces of a store into a {@link Judge}, and keeps what is needed to know which sessions there are and whether all of each
 * was read. Links go in as of their own time, which is all that a store knows of when they came.
 */
export class StoredSessions {
  /** Traces of which the store gave only a part. */
  readonly partial = new Set<string>();
  readonly cut = new Map<string, CutContent[]>();
  private readonly read = new Set<string>();
  private readonly seen = new Map<string, Seen>();
  private readonly parentOf = new Map<string, string>();
  private readonly childrenOf = new Map<string, Set<string>>();

  /** @param asOfMs until when time is taken to have passed: no link is from later */
  constructor(
    private readonly judge: Judge,
    private readonly options: { readonly asOfMs: number; readonly limit: number; readonly hashing: Hashing },
  ) {}

  hasRead(trace: string): boolean {
    return this.read.has(trace);
  }

  get traces(): number {
    return this.read.size;
  }

  sessions(): readonly string[] {
    return [...this.seen.keys()];
  }

  /** Also for a trace that was read before: what it holds now is added. */
  take(id: string, trace: StoredTrace): void {
    this.read.add(id);
    if (trace.partial) this.partial.add(id);
    for (const span of trace.spans) {
      // The collector's own spans (findings, verdicts, entries of the register) and the application's claim to be no link.
      if (!span.isLinkClaim) continue;
      const { reading, cut } = readStoredSpan(span, this.options.limit, this.options.hashing);
      this.judge.take(reading, this.timeOf(reading));
      for (const part of cut) this.noteCut(part);
      if (reading.type === 'link') this.note(reading.link);
      const session = sessionOf(reading);
      if (session !== '') this.seenOf(session);
    }
  }

  /** Whether links are missing below its highest: they may be in other traces. */
  hasHoles(session: string): boolean {
    const seen = this.seen.get(session);
    return seen !== undefined && seen.seqs.size < seen.highest;
  }

  /** Whether `session` was seen at all. */
  has(session: string): boolean {
    return this.seen.has(session);
  }

  kinOf(session: string): Kin {
    const parent = this.parentOf.get(session);
    return { parents: new Set(parent === undefined ? [] : [parent]), children: this.childrenOf.get(session) ?? new Set() };
  }

  private timeOf(reading: Reading): number {
    if (reading.type !== 'link') return this.options.asOfMs;
    const { session, time } = reading.link;
    const own = Math.min(Number(BigInt(time) / 1_000_000n), this.options.asOfMs);
    // Never before what is known of the session: traces come in any order, and what comes last says when it was last heard of.
    return Math.max(own, this.seen.get(session)?.lastMs ?? own);
  }

  private note(link: LinkCopy): void {
    const seen = this.seenOf(link.session);
    seen.lastMs = Math.max(seen.lastMs, this.timeOf({ type: 'link', link }));
    seen.highest = Math.max(seen.highest, link.seq);
    seen.seqs.add(link.seq);
    const { [ATTR.parentSessionId]: parent, [ATTR.childSessionId]: child } = link.attributes;
    if (link.kind === 'session.start' && typeof parent === 'string') this.parentOf.set(link.session, parent);
    if (link.kind === 'child.spawn' && typeof child === 'string') {
      const children = this.childrenOf.get(link.session);
      if (children === undefined) this.childrenOf.set(link.session, new Set([child]));
      else children.add(child);
    }
  }

  private seenOf(session: string): Seen {
    const known = this.seen.get(session);
    if (known !== undefined) return known;
    const seen = { lastMs: 0, highest: 0, seqs: new Set<number>() };
    this.seen.set(session, seen);
    return seen;
  }

  private noteCut(part: CutContent): void {
    const parts = this.cut.get(part.session) ?? [];
    // A trace that is read a second time says the same again.
    if (!parts.some(({ seq, spanId, key }) => seq === part.seq && spanId === part.spanId && key === part.key)) parts.push(part);
    this.cut.set(part.session, parts);
  }
}

/** '' when the span states none well. */
function sessionOf(reading: Reading): string {
  if (reading.type === 'none') return '';
  return reading.type === 'link' ? reading.link.session : reading.session;
}
