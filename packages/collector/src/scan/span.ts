import type { SpanView, WireValue } from '@agent-custody/chain';
import { scanAttribute } from './attributes.js';
import { classify, LINK_CLAIM, OTHER, RESERVED } from './keys.js';
import type { Marks } from './marks.js';
import { Pieces } from './pieces.js';
import type { ScannedSpan } from './types.js';
import { isUsualValue } from './value.js';
import { FIXED32, FIXED64, LENGTH, type MessageFields, VARINT, type WireReader } from './wire.js';

/** opentelemetry/proto/trace/v1/trace.proto, message Span. */
const SPAN: MessageFields = [
  undefined,
  LENGTH, // trace_id
  LENGTH, // span_id
  LENGTH, // trace_state
  LENGTH, // parent_span_id
  LENGTH, // name
  VARINT, // kind
  FIXED64, // start_time_unix_nano
  FIXED64, // end_time_unix_nano
  LENGTH, // attributes
  VARINT, // dropped_attributes_count
  LENGTH, // events
  VARINT, // dropped_events_count
  LENGTH, // links
  VARINT, // dropped_links_count
  LENGTH, // status
  FIXED32, // flags
];

const TRACE_ID_TAG = 0x0a;
const SPAN_ID_TAG = 0x12;
const ATTRIBUTES_TAG = 0x4a;
const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;

/**
 * A span as offsets in its request. Its view and its bytes are made when they are asked for: most spans are no links, and nobody
 * looks into those.
 */
class SpanInRequest implements ScannedSpan, SpanView {
  private traceHex: string | undefined;
  private spanHex: string | undefined;
  private window: Uint8Array | undefined;
  traceStart: number;
  traceEnd: number;
  spanStart: number;
  spanEnd: number;
  attributeCount = 0;
  isLinkClaim = false;
  /** Values were marked that are neither one short string nor one small int: whether they can be read is still to be checked. */
  unchecked = false;
  /** What is left of the span without what only the collector may say. */
  kept: Pieces | undefined;
  private readonly firstMark: number;
  private marksEnd = 0;

  constructor(
    private readonly body: Buffer,
    private readonly start: number,
    private readonly end: number,
    readonly group: number,
    private readonly marks: Marks,
  ) {
    this.traceStart = start;
    this.traceEnd = start;
    this.spanStart = start;
    this.spanEnd = start;
    this.firstMark = marks.count;
  }

  /** @throws IntakeError `bad_data` */
  finish(maxAttributes: number): void {
    if (this.attributeCount > maxAttributes) this.marks.count = this.firstMark;
    if (this.isLinkClaim && this.unchecked) this.marks.check(this.firstMark);
    if (this.kept !== undefined) this.window = this.kept.join();
    this.kept = undefined;
    this.marksEnd = this.marks.count;
  }

  get view(): SpanView {
    return this;
  }

  get traceId(): string {
    this.traceHex ??= this.body.toString('hex', this.traceStart, this.traceEnd);
    return this.traceHex;
  }

  get spanId(): string {
    this.spanHex ??= this.body.toString('hex', this.spanStart, this.spanEnd);
    return this.spanHex;
  }

  /** Decoded each time: it is read once, and a request's links would otherwise be in memory twice until they are committed. */
  get attributes(): readonly (readonly [string, WireValue])[] {
    return this.marks.read(this.firstMark, this.marksEnd);
  }

  get bytes(): Uint8Array {
    this.window ??= this.body.subarray(this.start, this.end);
    return this.window;
  }

  get validIds(): boolean {
    return isId(this.body, this.traceStart, this.traceEnd, TRACE_ID_BYTES) && isId(this.body, this.spanStart, this.spanEnd, SPAN_ID_BYTES);
  }
}

/**
 * Reads the Span message that ends at `end` in one pass. A field given twice counts as every decoder counts it, the last one wins,
 * so that the identity verified is the one that the store reads from the same bytes. Of a span with more than `maxAttributes` the
 * view is not complete: it is to be rejected by its `attributeCount`.
 *
 * @throws IntakeError `bad_data`; for a span that claims to be a link also when a value of its is no AnyValue
 */
export function scanSpan(reader: WireReader, end: number, group: number, marks: Marks, maxAttributes: number): ScannedSpan {
  const span = new SpanInRequest(reader.bytes, reader.position, end, group, marks);
  let keptTo = reader.position;
  while (reader.position < end) {
    usualFields(reader, end, span, marks);
    if (reader.position === end) break;
    const fieldStart = reader.position;
    const tag = reader.tag(end);
    if (tag === ATTRIBUTES_TAG) {
      const stop = reader.lengthEnd(end);
      span.attributeCount++;
      span.unchecked = true;
      const kind = scanAttribute(reader, stop, marks);
      if (kind === LINK_CLAIM) span.isLinkClaim = true;
      else if (kind === RESERVED) {
        span.kept ??= new Pieces(reader.bytes);
        span.kept.keep(keptTo, fieldStart);
        keptTo = stop;
      }
    } else if (tag === TRACE_ID_TAG) {
      span.traceEnd = reader.lengthEnd(end);
      span.traceStart = reader.position;
      reader.position = span.traceEnd;
    } else if (tag === SPAN_ID_TAG) {
      span.spanEnd = reader.lengthEnd(end);
      span.spanStart = reader.position;
      reader.position = span.spanEnd;
    } else reader.skip(tag, end, SPAN);
  }
  span.kept?.keep(keptTo, end);
  span.finish(maxAttributes);
  return span;
}

/**
 * Reads fields as long as they come in the form that encoders give to nearly all of them: a one-byte tag, a length or number below
 * 128, an attribute's key before its value. Nothing but bytes is compared here; the rest is {@link scanSpan}'s.
 */
function usualFields(reader: WireReader, end: number, span: SpanInRequest, marks: Marks): void {
  const { bytes } = reader;
  let at = reader.position;
  while (at + 2 <= end) {
    const tag = bytes[at] as number;
    const length = bytes[at + 1] as number;
    let stop = at + 2 + length;
    if (tag === ATTRIBUTES_TAG) {
      if (length >= 0x80 || stop > end || !usualAttribute(bytes, at + 2, stop, span, marks)) break;
      at = stop;
      continue;
    }
    if (tag === 0x39 || tag === 0x41)
      stop = at + 9; // the times
    else if (length >= 0x80) break;
    else if (tag === 0x30 || tag === 0x50 || tag === 0x60 || tag === 0x70) stop = at + 2; // kind, dropped counts
    if (stop > end) break;
    if (tag === TRACE_ID_TAG) {
      span.traceStart = at + 2;
      span.traceEnd = stop;
    } else if (tag === SPAN_ID_TAG) {
      span.spanStart = at + 2;
      span.spanEnd = stop;
    } else if (!isPassedOver(tag)) break;
    at = stop;
  }
  reader.position = at;
}

/** Tags of the fields of Span that nobody looks into; their wire type is in the tag, so it is the right one. */
function isPassedOver(tag: number): boolean {
  switch (tag) {
    case 0x1a: // trace_state
    case 0x22: // parent_span_id
    case 0x2a: // name
    case 0x30: // kind
    case 0x39: // start_time_unix_nano
    case 0x41: // end_time_unix_nano
    case 0x50: // dropped_attributes_count
    case 0x5a: // events
    case 0x60: // dropped_events_count
    case 0x6a: // links
    case 0x70: // dropped_links_count
    case 0x7a: // status
      return true;
    default:
      return false;
  }
}

/** Reads the KeyValue from `start` to `stop` if it is in the usual form and needs no removal; false leaves everything as it was. */
function usualAttribute(bytes: Buffer, start: number, stop: number, span: SpanInRequest, marks: Marks): boolean {
  const keyStart = start + 2;
  const keyLength = bytes[start + 1] as number;
  const keyEnd = keyStart + keyLength;
  if (keyEnd + 2 > stop || bytes[start] !== 0x0a || bytes[keyEnd] !== 0x12) return false;
  if (keyEnd + 2 + (bytes[keyEnd + 1] as number) !== stop) return false;
  const kind = classify(bytes, keyStart, keyLength);
  if (kind === RESERVED) return false;
  if (kind !== OTHER) {
    marks.add(keyStart, keyEnd, keyEnd + 2, stop);
    span.unchecked ||= !isUsualValue(bytes, keyEnd + 2, stop);
  }
  if (kind === LINK_CLAIM) span.isLinkClaim = true;
  span.attributeCount++;
  return true;
}

function isId(bytes: Uint8Array, start: number, end: number, length: number): boolean {
  if (end - start !== length) return false;
  for (let i = start; i < end; i++) if (bytes[i] !== 0) return true;
  return false;
}
