import type { LinkStatus, Release } from '@agent-custody/chain';
import type { SpanRecord } from '@agent-custody/chain/otlp';
import type { Ledger } from '../ledger/ledger.js';
import { assemble, type ForwardPart, scanRequest } from '../scan/index.js';
import { encodeOwnSpans } from './spans.js';

/** Bounds of one outbox entry: the forwarder sends whole entries, and splits one only when it is refused. */
const ENTRY_BYTES = 1 << 20;
const ENTRY_SPANS = 2_048;

/** What one transaction sends out, gathered in the order of arrival and written to the ledger at its end. */
export class Outgoing {
  private readonly parts: ForwardPart[] = [];
  private readonly own: SpanRecord[] = [];
  /** Links that wait for the verifier, by place. Most are released before the transaction ends, and never touch the ledger. */
  private readonly held = new Map<string, { readonly session: string; readonly seq: number; readonly parts: ForwardPart[] }>();

  constructor(private readonly ledger: Ledger) {}

  send(part: ForwardPart): void {
    this.parts.push(part);
  }

  say(span: SpanRecord): void {
    this.own.push(span);
  }

  hold(session: string, seq: number, part: ForwardPart): void {
    const key = placeKey(session, seq);
    const place = this.held.get(key);
    if (place === undefined) this.held.set(key, { session, seq, parts: [part] });
    else place.parts.push(part);
  }

  /** Sends what is held for a link, from earlier transactions first. */
  release({ session, seq, status }: Release): void {
    for (const request of this.ledger.takeHeld(session, seq)) this.parts.push(...partsOf(request, status));
    const key = placeKey(session, seq);
    for (const part of this.held.get(key)?.parts ?? []) this.parts.push({ ...part, status });
    this.held.delete(key);
  }

  /** Sends everything held for a session as `held`: the verifier is about to forget that it waits. */
  releaseSession(session: string): void {
    const seqs = new Set(this.ledger.heldLinks(session));
    for (const place of this.held.values()) if (place.session === session) seqs.add(place.seq);
    for (const seq of seqs) this.release({ session, seq, status: 'held' });
  }

  /** Writes it all to the ledger. @returns whether the outbox has grown */
  write(): boolean {
    for (const { session, seq, parts } of this.held.values()) for (const part of parts) this.ledger.hold(session, seq, assemble([part]));
    for (const chunk of chunks(this.parts)) this.ledger.enqueue(assemble(chunk), chunk.length);
    for (let i = 0; i < this.own.length; i += ENTRY_SPANS) {
      const spans = this.own.slice(i, i + ENTRY_SPANS);
      this.ledger.enqueue(encodeOwnSpans(spans), spans.length);
    }
    return this.parts.length + this.own.length > 0;
  }
}

const placeKey = (session: string, seq: number): string => `${session}/${seq}`;

function partsOf(request: Uint8Array, status: LinkStatus): ForwardPart[] {
  const { spans, groups } = scanRequest(request);
  return spans.flatMap((span) => {
    const group = groups[span.group];
    return group === undefined ? [] : [{ group, span: span.bytes, status }];
  });
}

function* chunks(parts: readonly ForwardPart[]): Iterable<ForwardPart[]> {
  let chunk: ForwardPart[] = [];
  let bytes = 0;
  for (const part of parts) {
    if (chunk.length > 0 && (bytes + part.span.length > ENTRY_BYTES || chunk.length >= ENTRY_SPANS)) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(part);
    bytes += part.span.length;
  }
  if (chunk.length > 0) yield chunk;
}
