import { WireWriter } from '../scan/writer.js';

/** The encoding of a request, and so of its answer (OTLP/HTTP: "the response Content-Type is the request's"). */
export type BodyFormat = 'protobuf' | 'json';

export const CONTENT_TYPE: Readonly<Record<BodyFormat, string>> = {
  protobuf: 'application/x-protobuf',
  json: 'application/json',
};

/** OTLP/HTTP bounds a response to 4 MiB; a message that a person reads needs far less. */
const MAX_MESSAGE_BYTES = 1024;

const BAD_REQUEST_TYPE = 'type.googleapis.com/google.rpc.BadRequest';

/** Cuts at a code point. */
function trimMessage(message: string): string {
  const bytes = Buffer.from(message);
  if (bytes.length <= MAX_MESSAGE_BYTES) return bytes.toString('utf8');
  let end = MAX_MESSAGE_BYTES;
  while (((bytes[end] as number) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}

/** ExportTraceServiceResponse; `partial_success` is set only when there is something to say (OTLP: else it MUST be unset). */
export function exportResponse(format: BodyFormat, rejectedSpans: number, message: string): Uint8Array {
  const errorMessage = trimMessage(message);
  const partial = rejectedSpans > 0 || errorMessage !== '';
  if (format === 'json') {
    // An int64 is a string in JSON; a value of 0 is left out, as proto3 leaves it out.
    const partialSuccess = { ...(rejectedSpans > 0 && { rejectedSpans: String(rejectedSpans) }), errorMessage };
    return Buffer.from(JSON.stringify(partial ? { partialSuccess } : {}));
  }
  const out = new WireWriter(64);
  if (partial) {
    out.varint(0x0a);
    const start = out.open();
    if (rejectedSpans > 0) {
      out.varint(0x08);
      out.varint(rejectedSpans);
    }
    out.varint(0x12);
    out.text(errorMessage);
    out.close(start);
  }
  return out.finish();
}

/** google.rpc.Status; for bad data with google.rpc.BadRequest in its details, as OTLP/HTTP asks for. */
export function statusResponse(format: BodyFormat, code: number, message: string, badData: boolean): Uint8Array {
  const text = trimMessage(message);
  if (format === 'json') {
    const details = badData ? [{ '@type': BAD_REQUEST_TYPE, fieldViolations: [{ field: 'resource_spans', description: text }] }] : [];
    return Buffer.from(JSON.stringify({ code, message: text, details }));
  }
  const out = new WireWriter(256);
  out.varint(0x08);
  out.varint(code);
  out.varint(0x12);
  out.text(text);
  if (badData) writeBadRequest(out, text);
  return out.finish();
}

/** Status.details: an Any that holds a BadRequest with one FieldViolation. */
function writeBadRequest(out: WireWriter, description: string): void {
  out.varint(0x1a);
  const any = out.open();
  out.varint(0x0a);
  out.text(BAD_REQUEST_TYPE);
  out.varint(0x12);
  const badRequest = out.open();
  out.varint(0x0a);
  const violation = out.open();
  out.varint(0x0a);
  out.text('resource_spans');
  out.varint(0x12);
  out.text(description);
  out.close(violation);
  out.close(badRequest);
  out.close(any);
}
