// What the stand-in for Tempo keeps, with what the real one does to spans on the way in (see tempo/README.md).

import { concat, field } from './scan-bytes.js';
import { decode, flatten } from './scan-decode.js';

/** A span as Tempo keeps it: fields of protobuf, in hex. */
interface KeptSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly resource: string;
  readonly scope: string;
  readonly fields: readonly string[];
  readonly attributes: ReadonlyMap<string, string | number>;
}

export interface StoreLimits {
  /** `max_attribute_bytes`. */
  attributeBytes: number;
  /** `max_bytes_per_trace`. */
  traceBytes: number;
  /** A code point at the limit is torn; else the cut is before it. */
  tears: boolean;
  /** Spans that are taken and gone at once, as after a crash. */
  drops: ((span: KeptSpan) => boolean) | undefined;
  /** Spans that are taken and not shown. */
  hides: ((span: KeptSpan) => boolean) | undefined;
  /** What becomes of a value once it is taken. */
  edits: { readonly which: (attributes: KeptSpan['attributes']) => boolean; readonly key: string; readonly value: string } | undefined;
}

interface RawAttribute {
  readonly key: string;
  readonly value?: { readonly stringValue?: string; readonly intValue?: string };
}

const ATTRIBUTE_TAG = 0x4a;

export class TempoStore {
  readonly limits: StoreLimits = {
    attributeBytes: 2048,
    traceBytes: 5_000_000,
    tears: true,
    drops: undefined,
    hides: undefined,
    edits: undefined,
  };
  private spans: KeptSpan[] = [];
  /** Of each trace, what was ever taken: that is what the limit counts. */
  private readonly sizes = new Map<string, number>();

  /** Takes an OTLP request as Tempo does: it is answered 200 whatever is dropped. */
  take(request: Uint8Array): void {
    for (const { resource, scope, fields } of flatten(request)) {
      const cut = fields.map((one) => this.cutField(Buffer.from(one, 'hex')));
      const span = keptOf(resource, scope, cut);
      const size = (this.sizes.get(span.traceId) ?? 0) + sizeOf(span);
      if (size > this.limits.traceBytes) continue;
      this.sizes.set(span.traceId, size);
      if (!this.limits.drops?.(span)) this.spans.push(span);
    }
    const { edits } = this.limits;
    if (edits !== undefined) this.edit(edits.which, edits.key, edits.value);
  }

  trace(id: string): readonly KeptSpan[] {
    return this.spans.filter((span) => span.traceId === id && !this.limits.hides?.(span));
  }

  /** Ids of the traces that overlap the range, with a span that `matches`. */
  search(matches: (attributes: KeptSpan['attributes']) => boolean, range?: { readonly start: number; readonly end: number }): string[] {
    const ids = [...new Set(this.spans.filter(({ attributes }) => matches(attributes)).map(({ traceId }) => traceId))];
    if (range === undefined) return ids;
    return ids.filter((id) => {
      const spans = this.trace(id);
      const first = spans.reduce((least, { startNs }) => (startNs < least ? startNs : least), spans[0]?.startNs ?? 0n);
      const last = spans.reduce((most, { endNs }) => (endNs > most ? endNs : most), 0n);
      return first <= BigInt(range.end) * 1_000_000_000n && last >= BigInt(range.start) * 1_000_000_000n;
    });
  }

  /** Tempo's Trace message. */
  encode(id: string): Buffer {
    return concat(
      ...this.trace(id).map(({ resource, scope, fields }) =>
        field(1, hex(resource), field(2, hex(scope), field(2, concat(...fields.map(hex))))),
      ),
    );
  }

  /** What whoever can write to Tempo's storage does: spans go. @returns how many */
  remove(which: (attributes: KeptSpan['attributes']) => boolean): number {
    const before = this.spans.length;
    this.spans = this.spans.filter(({ attributes }) => !which(attributes));
    return before - this.spans.length;
  }

  /** What whoever can write to Tempo's storage does: a value is another one. */
  edit(which: (attributes: KeptSpan['attributes']) => boolean, key: string, value: string): void {
    this.spans = this.spans.map((span) => {
      if (!which(span.attributes)) return span;
      const fields = span.fields.map((one) => (keyOf(one) === key ? attributeField(key, Buffer.from(value)).toString('hex') : one));
      return keptOf(span.resource, span.scope, fields.map(hex));
    });
  }

  private cutField(bytes: Buffer): Buffer {
    const { attributes = [] } = decode('span', bytes) as { attributes?: readonly RawAttribute[] };
    const [attribute] = attributes;
    const text = attribute?.value?.stringValue;
    if (bytes[0] !== ATTRIBUTE_TAG || attribute === undefined || text === undefined) return bytes;
    const whole = Buffer.from(text);
    if (whole.length <= this.limits.attributeBytes) return bytes;
    let end = this.limits.attributeBytes;
    // 10xxxxxx continues a code point.
    while (!this.limits.tears && ((whole[end] ?? 0) & 0xc0) === 0x80) end--;
    return attributeField(attribute.key, whole.subarray(0, end));
  }
}

function keptOf(resource: string, scope: string, fields: readonly Buffer[]): KeptSpan {
  const raw = decode('span', concat(...fields)) as {
    traceId: string;
    spanId: string;
    startTimeUnixNano?: string;
    endTimeUnixNano?: string;
    attributes?: readonly RawAttribute[];
  };
  const attributes = new Map<string, string | number>();
  for (const { key, value } of raw.attributes ?? []) {
    if (value?.intValue !== undefined) attributes.set(key, Number(value.intValue));
    else if (value?.stringValue !== undefined) attributes.set(key, value.stringValue);
  }
  return {
    traceId: raw.traceId,
    spanId: raw.spanId,
    startNs: BigInt(raw.startTimeUnixNano ?? 0),
    endNs: BigInt(raw.endTimeUnixNano ?? 0),
    resource,
    scope,
    fields: fields.map((one) => one.toString('hex')),
    attributes,
  };
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const attributeField = (key: string, value: Buffer): Buffer => field(9, field(1, key), field(2, field(1, value)));
const sizeOf = (span: KeptSpan): number => span.fields.reduce((sum, { length }) => sum + length / 2, 0);

function keyOf(one: string): string | undefined {
  const { attributes } = decode('span', hex(one)) as { attributes?: readonly RawAttribute[] };
  return attributes?.[0]?.key;
}
