import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

// The first bytes of a spool file:
//
//   offset  bytes  what (integers are little-endian)
//        0      8  "custody1"
//        8     16  the owner's random id; also the name of the file
//       24      8  when the lease ends, Unix milliseconds; 0: given up
//       32      8  offset of the first frame that is not acknowledged yet
//       40     32  SHA-256 of the collector's address
//       72      4  CRC-32 of the bytes before
//
// It lies within one page and is always written whole, in one call.

const MAGIC = Buffer.from('custody1');

/** Bytes of a header; the first frame stands behind it. */
export const HEADER_SIZE = 76;

export interface Header {
  /** 32 hex. */
  readonly owner: string;
  /** Unix milliseconds; 0 when given up. */
  readonly leaseUntil: number;
  /** Offset in the file: what stands before it was taken by the collector. */
  readonly acknowledged: number;
  readonly destination: Buffer;
}

/**
 * Names a collector, so that a process which sends elsewhere does not adopt its records: they would reach the wrong one, and be
 * missing at the right one. Credentials and query are no part of it, they change.
 */
export function destinationOf(url: URL): Buffer {
  return createHash('sha256').update(`${url.origin}${url.pathname}`).digest();
}

export function encodeHeader(header: Header): Buffer {
  const bytes = Buffer.alloc(HEADER_SIZE);
  MAGIC.copy(bytes);
  bytes.write(header.owner, 8, 'hex');
  bytes.writeBigUInt64LE(BigInt(header.leaseUntil), 24);
  bytes.writeBigUInt64LE(BigInt(header.acknowledged), 32);
  header.destination.copy(bytes, 40);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 72)), 72);
  return bytes;
}

/** Answers undefined for bytes that are no header. */
export function decodeHeader(bytes: Buffer): Header | undefined {
  if (bytes.length < HEADER_SIZE || !bytes.subarray(0, 8).equals(MAGIC)) return undefined;
  if (crc32(bytes.subarray(0, 72)) !== bytes.readUInt32LE(72)) return undefined;
  return {
    owner: bytes.toString('hex', 8, 24),
    leaseUntil: Number(bytes.readBigUInt64LE(24)),
    acknowledged: Number(bytes.readBigUInt64LE(32)),
    destination: bytes.subarray(40, 72),
  };
}
