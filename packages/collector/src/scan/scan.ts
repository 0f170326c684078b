import { scanAttribute } from './attributes.js';
import { IntakeError } from './error.js';
import { RESERVED } from './keys.js';
import { Marks } from './marks.js';
import { Pieces } from './pieces.js';
import { scanSpan } from './span.js';
import type { Scanned, ScannedSpan, SpanGroup } from './types.js';
import { LENGTH, type MessageFields, putVarint, VARINT, varintSize, WireReader } from './wire.js';

// opentelemetry/proto/trace/v1/trace.proto and common/v1/common.proto, as far as this scanner looks into them.
const REQUEST: MessageFields = [undefined, LENGTH];
const RESOURCE_SPANS: MessageFields = [undefined, LENGTH, LENGTH, LENGTH];
const SCOPE_SPANS: MessageFields = [undefined, LENGTH, LENGTH, LENGTH];
const RESOURCE: MessageFields = [undefined, LENGTH, VARINT];
const SCOPE: MessageFields = [undefined, LENGTH, LENGTH, LENGTH, VARINT];

/** ResourceSpans.resource and ScopeSpans.scope: both are field 1. */
const HOLDER_TAG = 0x0a;
const SCOPE_SPANS_TAG = 0x12;
const SPANS_TAG = 0x12;
/** Field 1000, instrumentation_library_spans of OTLP before 0.15: the same message under its old name. */
const LIBRARY_SPANS_TAG = 1000 * 8 + LENGTH;
const RESOURCE_ATTRIBUTES_TAG = 0x0a;
const SCOPE_ATTRIBUTES_TAG = 0x1a;

export interface ScanLimits {
  /** Spans in one request (default: as many as there are). */
  readonly spans?: number;
  /** Attributes of one span (default: any number); the view of one that has more is not complete. */
  readonly attributesPerSpan?: number;
}

/**
 * Takes an OTLP ExportTraceServiceRequest apart in one pass over its bytes: what the verifier needs of each span is read, the rest
 * stays as it is, byte for byte, to be put together again by `assemble`. What only a collector writes (`isSetByCollector`)
 * are removed from spans, resources and scopes (SPEC.md, "Attributes": an agent could forge its verdict; a query without a scope
 * finds them on a resource too). Several requests laid end to end are one request, none at all is an empty one.
 *
 * @param body protobuf; the answer's byte arrays are windows on it
 * @throws IntakeError `bad_data`, naming the byte; `too_many_spans`
 * @example for (const span of scanRequest(body).spans) if (span.isLinkClaim) readSpan(span.view, hashing);
 */
export function scanRequest(body: Uint8Array, limits: ScanLimits = {}): Scanned {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const scan = new Scan(bytes, limits.spans ?? Number.POSITIVE_INFINITY, limits.attributesPerSpan ?? Number.POSITIVE_INFINITY);
  const { reader } = scan;
  while (reader.position < bytes.length) {
    const tag = reader.tag(bytes.length);
    if (tag === 0x0a) scan.resourceSpans(reader.lengthEnd(bytes.length));
    else reader.skip(tag, bytes.length, REQUEST);
  }
  return { spans: scan.spans, groups: scan.groups };
}

class Scan {
  readonly reader: WireReader;
  private readonly marks: Marks;
  readonly spans: ScannedSpan[] = [];
  readonly groups: SpanGroup[] = [];

  constructor(
    private readonly bytes: Buffer,
    private readonly maxSpans: number,
    private readonly maxAttributes: number,
  ) {
    this.reader = new WireReader(bytes);
    this.marks = new Marks(bytes);
  }

  resourceSpans(end: number): void {
    const { reader } = this;
    const rest = new Pieces(this.bytes);
    const scopes: Buffer[] = [];
    while (reader.position < end) {
      const start = reader.position;
      const tag = reader.tag(end);
      if (tag === SCOPE_SPANS_TAG || tag === LIBRARY_SPANS_TAG) {
        const before = this.spans.length;
        const scope = this.scopeSpans(reader.lengthEnd(end), this.groups.length + scopes.length);
        if (this.spans.length > before) scopes.push(scope);
      } else if (tag === HOLDER_TAG) {
        this.holder(start, reader.lengthEnd(end), RESOURCE_ATTRIBUTES_TAG, RESOURCE, rest);
      } else {
        reader.skip(tag, end, RESOURCE_SPANS);
        rest.keep(start, reader.position);
      }
    }
    if (scopes.length === 0) return;
    // Known only now: schema_url comes after the spans.
    const resource = rest.join();
    for (const scope of scopes) this.groups.push({ resource, scope });
  }

  /** Answers the fields of a ScopeSpans that are no spans. */
  private scopeSpans(end: number, group: number): Buffer {
    const { reader } = this;
    const rest = new Pieces(this.bytes);
    while (reader.position < end) {
      const start = reader.position;
      const tag = reader.tag(end);
      if (tag === SPANS_TAG) {
        const stop = reader.lengthEnd(end);
        if (this.spans.length >= this.maxSpans) throw tooManySpans(this.maxSpans);
        this.spans.push(scanSpan(reader, stop, group, this.marks, this.maxAttributes));
      } else if (tag === HOLDER_TAG) {
        this.holder(start, reader.lengthEnd(end), SCOPE_ATTRIBUTES_TAG, SCOPE, rest);
      } else {
        reader.skip(tag, end, SCOPE_SPANS);
        rest.keep(start, reader.position);
      }
    }
    return rest.join();
  }

  /** Keeps the Resource or InstrumentationScope field from `start` to `end`, without what only the collector may say. */
  private holder(start: number, end: number, attributesTag: number, fields: MessageFields, rest: Pieces): void {
    const { reader } = this;
    const content = new Pieces(this.bytes);
    let keptTo = reader.position;
    let forged = false;
    const ignored = new Marks(this.bytes);
    while (reader.position < end) {
      const fieldStart = reader.position;
      const tag = reader.tag(end);
      if (tag !== attributesTag) {
        reader.skip(tag, end, fields);
        continue;
      }
      const stop = reader.lengthEnd(end);
      if (scanAttribute(reader, stop, ignored) !== RESERVED) continue;
      forged = true;
      content.keep(keptTo, fieldStart);
      keptTo = stop;
    }
    if (!forged) {
      rest.keep(start, end);
      return;
    }
    content.keep(keptTo, end);
    const bytes = content.join();
    const head = Buffer.alloc(1 + varintSize(bytes.length));
    head[0] = HOLDER_TAG;
    putVarint(head, 1, bytes.length);
    rest.put(Buffer.concat([head, bytes]));
  }
}

function tooManySpans(limit: number): IntakeError {
  return new IntakeError(
    'too_many_spans',
    `more than ${limit} spans in one request; send smaller batches (OTEL_BSP_MAX_EXPORT_BATCH_SIZE in an OpenTelemetry SDK)`,
  );
}
