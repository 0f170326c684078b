import { isUtf8 } from 'node:buffer';
import { IntakeError } from '../error.js';
import { type ScanLimits, scanRequest } from '../scan.js';
import type { Scanned } from '../types.js';
import { encodeJson } from './encode.js';
import { checkMembers } from './members.js';

/**
 * Takes an OTLP/JSON ExportTraceServiceRequest apart. It is encoded as protobuf first and then scanned, so that JSON and protobuf
 * share one reading, and what is verified is what is forwarded.
 *
 * @param body UTF-8
 * @throws IntakeError `bad_data`, naming the path; `too_many_spans`
 * @example scanJson(Buffer.from('{"resourceSpans":[]}')).spans.length // 0
 */
export function scanJson(body: Uint8Array, limits: ScanLimits = {}): Scanned {
  if (!isUtf8(body)) throw new IntakeError('bad_data', 'the body is not UTF-8, which JSON must be (RFC 8259 §8.1)');
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
  const request = parse(text);
  checkMembers(text);
  return scanRequest(encodeJson(request), limits);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    // V8's message quotes the text around the error, which may hold somebody's arguments.
    throw new IntakeError('bad_data', 'the body is not JSON; check that it is whole and that its Content-Type is right', { cause });
  }
}
