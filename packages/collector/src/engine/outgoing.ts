import type { LinkStatus, Release } from '@agent-custody/chain';
import type { SpanRecord } from '@agent-custody/chain/otlp';
import type { Ledger } from '../ledger/ledger.js';
import { assemble, type ForwardPart, packed, type Scanned, scanRequest } from '../scan/index.js';
import { encodeOwnSpans } from './spans.js';

/** Bounds of one outbox entry: the forwarder sends whole entries, and splits one only when it is refused. */
const ENTRY_BYTES = 1 << 20;
const ENTRY_SPANS = 2_048;
/** The forwarder sends an entry whole, and receivers commonly take 20 MiB: what is larger goes out in pieces. */
const LARGEST_PACKED_BYTES = 4 << 20;
/** Bodies below it are put together with others: an entry each would cost more than their bytes. */
const WORTH_PACKING_BYTES = 8 << 10;

/** The part, to be sent with this status. */
export function withStatus({ group, span, from, index }: ForwardPart, status: LinkStatus): ForwardPart {
  return { group, span, status, from, index };
}

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
    for (const part of this.held.get(key)?.parts ?? []) this.parts.push(withStatus(part, status));
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
    for (const chunk of chunks(this.packWhole())) this.ledger.enqueue(assemble(chunk), chunk.length);
    for (let i = 0; i < this.own.length; i += ENTRY_SPANS) {
      const spans = this.own.slice(i, i + ENTRY_SPANS);
      this.ledger.enqueue(encodeOwnSpans(spans), spans.length);
    }
    return this.parts.length + this.own.length > 0;
  }

  /**
   * Writes the bodies that go out whole as they were received. Only those: what is in an entry and does not go out could be neither
   * seen nor erased there.
   *
   * @returns the parts that are left
   */
  private packWhole(): readonly ForwardPart[] {
    const whole = new Map<Scanned, ForwardPart[]>();
    for (const part of this.parts) {
      if (part.from?.received === undefined || part.from.received.length < WORTH_PACKING_BYTES) continue;
      const parts = whole.get(part.from);
      if (parts === undefined) whole.set(part.from, [part]);
      else parts.push(part);
    }
    for (const [from, parts] of whole) {
      const request = parts.length === from.spans.length ? assemble(parts) : undefined;
      if (request === undefined || from.received === undefined || request.length > LARGEST_PACKED_BYTES) {
        whole.delete(from);
        continue;
      }
      const statuses: (LinkStatus | undefined)[] = new Array(parts.length).fill(undefined);
      for (const { index, status } of parts) statuses[index ?? 0] = status;
      this.ledger.enqueue(request, parts.length, packed(from.received, statuses, request.length));
    }
    return whole.size === 0 ? this.parts : this.parts.filter(({ from }) => from === undefined || !whole.has(from));
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
