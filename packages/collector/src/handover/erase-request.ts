import { ATTR, COVERED_FOREIGN_KEYS, isCovered, isSetByCollector } from '@agent-custody/chain';
import type { Rewritten } from '../ledger/ledger.js';
import { type FIXED32, type FIXED64, LENGTH, putVarint, type VARINT, varintSize, WireReader } from '../scan/wire.js';

// A request that waits is protobuf as it came, with the collector's own marks in it. Reading it as a received one would strip those,
// so it is walked here: ExportTraceServiceRequest { resource_spans = 1 { scope_spans = 2 { spans = 2 } } }.

const RESOURCE_SPANS = 1;
const SCOPE_SPANS = 2;
const SPANS = 2;
const SPAN = { traceId: 1, attributes: 9, events: 11, status: 15 } as const;

interface Field {
  readonly number: number;
  /** With its tag. */
  readonly bytes: Buffer;
  /** Without tag and length; empty for numbers. */
  readonly content: Buffer;
}

/**
 * An OTLP request without what a session discloses. Of its links every attribute goes that no hash covers, with the events and the
 * status message, which hold what the application put there; of its traces every other span goes but the collector's own: those may
 * say the same in other words, and are no evidence.
 *
 * @param session 32 hex
 * @param traces of the session, 32 hex each
 * @returns undefined when the request holds nothing of the session
 * @throws IntakeError for bytes that are no OTLP request
 */
export function withoutSession(request: Uint8Array, session: string, traces: ReadonlySet<string>): Rewritten | undefined {
  let spans = 0;
  let touched = 0;
  const rewriteSpan = (span: Buffer): Buffer | undefined => {
    const rewritten = spanWithout(span, session, traces);
    if (rewritten !== span) touched++;
    if (rewritten !== undefined) spans++;
    return rewritten;
  };
  const rewritten = rewrite(asBuffer(request), RESOURCE_SPANS, (resourceSpans) =>
    rewrite(resourceSpans, SCOPE_SPANS, (scopeSpans) => rewrite(scopeSpans, SPANS, rewriteSpan)),
  );
  return touched === 0 ? undefined : { request: rewritten, spans, touched };
}

function spanWithout(span: Buffer, session: string, traces: ReadonlySet<string>): Buffer | undefined {
  const fields = [...fieldsOf(span)];
  const attributes = fields.filter(({ number }) => number === SPAN.attributes).map(({ content }) => keyValueOf(content));
  if (attributes.some(({ key, text }) => key === ATTR.sessionId && text === session)) {
    // The collector's own spans name the session too, and are made of nothing else.
    return isCollectors(attributes) ? span : strip(fields);
  }
  const traceId = fields.findLast(({ number }) => number === SPAN.traceId)?.content.toString('hex') ?? '';
  return traces.has(traceId) && !isCollectors(attributes) && !isLink(attributes) ? undefined : span;
}

function strip(fields: readonly Field[]): Buffer {
  const kept = fields.filter(({ number, content }) => {
    if (number === SPAN.events || number === SPAN.status) return false;
    if (number !== SPAN.attributes) return true;
    const { key } = keyValueOf(content);
    return isCovered(key) || COVERED_FOREIGN_KEYS.has(key) || key === ATTR.hash || key === ATTR.signature || isSetByCollector(key);
  });
  return Buffer.concat(kept.map(({ bytes }) => bytes));
}

interface KeyValue {
  readonly key: string;
  /** Of a string value. */
  readonly text: string;
}

function isCollectors(attributes: readonly KeyValue[]): boolean {
  return attributes.some(({ key }) => key !== ATTR.status && isSetByCollector(key));
}

function isLink(attributes: readonly KeyValue[]): boolean {
  return attributes.some(({ key }) => key === ATTR.hash);
}

/** KeyValue { key = 1, value = 2 { string_value = 1 } } */
function keyValueOf(bytes: Buffer): KeyValue {
  let key = '';
  let text = '';
  for (const { number, content } of fieldsOf(bytes)) {
    if (number === 1) key = content.toString('utf8');
    else if (number === 2) for (const value of fieldsOf(content)) if (value.number === 1) text = value.content.toString('utf8');
  }
  return { key, text };
}

/** The message with each field `number` changed, or left out where `change` answers undefined. */
function rewrite(message: Buffer, number: number, change: (content: Buffer) => Buffer | undefined): Buffer {
  const out: Uint8Array[] = [];
  for (const field of fieldsOf(message)) {
    if (field.number !== number) {
      out.push(field.bytes);
      continue;
    }
    const changed = change(field.content);
    if (changed === field.content) out.push(field.bytes);
    else if (changed !== undefined) out.push(header(number, changed.length), changed);
  }
  return Buffer.concat(out);
}

function header(number: number, length: number): Uint8Array {
  const bytes = new Uint8Array(1 + varintSize(length));
  bytes[0] = (number << 3) | LENGTH;
  putVarint(bytes, 1, length);
  return bytes;
}

function* fieldsOf(message: Buffer): Iterable<Field> {
  const reader = new WireReader(message);
  while (reader.position < message.length) {
    const start = reader.position;
    const tag = reader.tag(message.length);
    const number = tag >>> 3;
    if ((tag & 7) === LENGTH) {
      const end = reader.lengthEnd(message.length);
      const content = message.subarray(reader.position, end);
      reader.position = end;
      yield { number, bytes: message.subarray(start, end), content };
    } else {
      reader.skip(tag, message.length, ANY);
      yield { number, bytes: message.subarray(start, reader.position), content: EMPTY };
    }
  }
}

/** No field is known here: whatever its number, its wire type says how long it is. */
const ANY: readonly (typeof VARINT | typeof FIXED64 | typeof FIXED32 | undefined)[] = [];
const EMPTY = Buffer.alloc(0);

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
