import { gunzipSync } from 'node:zlib';
import { LINK_STATUSES, type LinkStatus } from '@agent-custody/chain';
import { assemble } from './assemble.js';
import { scanRequest } from './scan.js';

// A request to be forwarded, kept as the gzip body that it came in with what goes with each span: a fifth or less of its size, and
// what a commit costs is its bytes. Layout: 0xff, then little-endian uint32 how long the request is and how many spans it has, a byte
// for the status of each (0: none, else its place in LINK_STATUSES, from 1), the body. No protobuf message begins so: wire type
// 7 does not exist.

const PACKED = 0xff;
/** Enough of a packed request to tell its size. */
export const PACKED_HEAD_BYTES = 9;

/**
 * @param body gzip, as received; every span in it goes out, in whatever order
 * @param statuses of each span of the body
 * @param size of the request that it unpacks to, in bytes
 */
export function packed(body: Uint8Array, statuses: readonly (LinkStatus | undefined)[], size: number): Uint8Array {
  const out = Buffer.allocUnsafe(PACKED_HEAD_BYTES + statuses.length + body.length);
  out[0] = PACKED;
  out.writeUInt32LE(size, 1);
  out.writeUInt32LE(statuses.length, 5);
  let at = PACKED_HEAD_BYTES;
  for (const status of statuses) out[at++] = status === undefined ? 0 : LINK_STATUSES.indexOf(status) + 1;
  out.set(body, at);
  return out;
}

/** The OTLP request that an entry of the outbox stands for: itself, where it is not packed. */
export function unpacked(entry: Uint8Array): Uint8Array {
  if (entry[0] !== PACKED) return entry;
  const bytes = Buffer.from(entry.buffer, entry.byteOffset, entry.byteLength);
  const statuses = bytes.subarray(PACKED_HEAD_BYTES, PACKED_HEAD_BYTES + bytes.readUInt32LE(5));
  const { spans, groups } = scanRequest(gunzipSync(bytes.subarray(PACKED_HEAD_BYTES + statuses.length)));
  return assemble(
    spans.flatMap((span, index) => {
      const group = groups[span.group];
      return group === undefined ? [] : [{ group, span: span.bytes, status: LINK_STATUSES[(statuses[index] ?? 0) - 1] }];
    }),
  );
}

/**
 * How long the request is that an entry unpacks to.
 *
 * @param head the first {@link PACKED_HEAD_BYTES} of the entry
 * @param length of the whole entry
 */
export function unpackedSize(head: Uint8Array, length: number): number {
  if (head[0] !== PACKED) return length;
  return Buffer.from(head.buffer, head.byteOffset, head.byteLength).readUInt32LE(1);
}
