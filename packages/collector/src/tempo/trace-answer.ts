import { scanRequest } from '../scan/index.js';
import type { ScannedSpan } from '../scan/types.js';
import { LENGTH, type MessageFields, VARINT, WireReader } from '../scan/wire.js';

/** A trace as Tempo gives it. */
export interface StoredTrace {
  readonly spans: readonly ScannedSpan[];
  /** Tempo says itself that this is not all of it: what is not here may still be there. */
  readonly partial: boolean;
}

// Tempo's pkg/tempopb/tempo.proto: TraceByIDResponse { trace = 1, metrics = 2, status = 3, message = 4 }.
const RESPONSE: MessageFields = [undefined, LENGTH, LENGTH, VARINT, LENGTH];
const TRACE_TAG = 0x0a;
const STATUS_TAG = 0x18;
const COMPLETE = 0;

/**
 * Reads what `GET /api/v2/traces/ID` answers in protobuf. A trace that is not there is an empty one.
 *
 * @throws IntakeError `bad_data`
 */
export function traceOfV2(body: Buffer): StoredTrace {
  const reader = new WireReader(body);
  const spans: ScannedSpan[] = [];
  let partial = false;
  while (reader.position < body.length) {
    const tag = reader.tag(body.length);
    if (tag === TRACE_TAG) {
      const end = reader.lengthEnd(body.length);
      spans.push(...scanRequest(body.subarray(reader.position, end)).spans);
      reader.position = end;
    } else if (tag === STATUS_TAG) partial = reader.int64(body.length) !== COMPLETE;
    else reader.skip(tag, body.length, RESPONSE);
  }
  return { spans, partial };
}

/**
 * Reads what `GET /api/traces/ID` answers in protobuf: Tempo's Trace, which is laid out as OTLP's request is.
 *
 * @throws IntakeError `bad_data`
 */
export function traceOf(body: Buffer): StoredTrace {
  return { spans: scanRequest(body).spans, partial: false };
}
