import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { createVerifier, forget, isRelevantKey, isSettled, MemoryRecords, readSpan, step } from '@agent-custody/chain';
import { ExportTraceServiceRequest } from '../otlp.js';
import { nodeHashing } from '../parts.js';
import { relay } from './relay.js';

// How one would write it first: decode everything, verify (with this project's verifier), set the status, encode, compress. It keeps
// nothing on disk, so it does less than the collector.

const compress = promisify(gzip);
const records = new MemoryRecords();
const verifier = createVerifier({ records, hashing: nodeHashing });

relay(async (body) => {
  const request = ExportTraceServiceRequest.decode(body);
  for (const { scopeSpans } of request.resourceSpans) {
    for (const { spans } of scopeSpans) for (const span of spans) verify(span);
  }
  const encoded = ExportTraceServiceRequest.encode(request).finish();
  return { body: await compress(encoded), headers: { 'content-encoding': 'gzip' } };
}, process.argv[2] ?? '');

/** @param {import('../otlp.js').DecodedSpan} span */
function verify(span) {
  const relevant = span.attributes.filter(({ key }) => isRelevantKey(key));
  const attributes = relevant.map(({ key, value }) => /** @type {const} */ ([key, wireValue(value)]));
  const reading = readSpan({ traceId: hex(span.traceId), spanId: hex(span.spanId), attributes }, nodeHashing);
  if (reading.type !== 'link') return;
  const at = performance.now();
  const { status } = step(verifier, { type: 'link', link: reading.link, at });
  span.attributes.push({ key: 'custody.link.status', value: { stringValue: status } });
  if (reading.link.kind !== 'session.end') return;
  step(verifier, { type: 'tick', at });
  const { session } = reading.link;
  if (!isSettled(verifier, session)) return;
  forget(verifier, session);
  records.drop(session);
}

/** @param {Uint8Array} bytes */
function hex(bytes) {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/**
 * @param {import('../otlp.js').DecodedValue} value
 * @returns {import('@agent-custody/chain').WireValue}
 */
function wireValue(value) {
  switch (value.value) {
    case 'stringValue':
      return value.stringValue;
    case 'intValue':
      return Number(value.intValue);
    case 'arrayValue':
      return value.arrayValue.values.map((item) => item.stringValue);
    default:
      return { other: 'none' };
  }
}
