import { crc32 } from 'node:zlib';
import type { EvidenceRecord } from './types.js';

// A frame is one record in a spool file:
//
//   offset  bytes  what (integers are little-endian)
//        0      4  CRC-32 of all that follows
//        4      4  n, the length of the body
//        8      8  custody.link.seq
//       16      1  s, the length of the session id
//       17      s  session id, UTF-8
//     17+s    ...  an ExportTraceServiceRequest, to the end of the body
//
// The length is inside the checksum, so a run of zeros is no frame.

const BODY = 8;
const SESSION = 17;
const MIN_BODY = SESSION - BODY;
const MAX_BODY = 0x7fffffff;

/** Bytes that a frame takes beside its record's own. */
export const FRAME_OVERHEAD = SESSION;

/** Lays a record out as one frame, or answers undefined when its session id or length cannot be framed. */
export function encodeFrame(record: EvidenceRecord): Buffer | undefined {
  const sessionLength = Buffer.byteLength(record.session);
  const bodyLength = MIN_BODY + sessionLength + record.bytes.length;
  if (sessionLength > 255 || bodyLength > MAX_BODY || !Number.isSafeInteger(record.seq) || record.seq < 0) return undefined;
  const frame = Buffer.allocUnsafe(BODY + bodyLength);
  frame.writeUInt32LE(bodyLength, 4);
  frame.writeUInt32LE(record.seq % 0x1_0000_0000, 8);
  frame.writeUInt32LE(Math.floor(record.seq / 0x1_0000_0000), 12);
  frame[16] = sessionLength;
  frame.write(record.session, SESSION);
  frame.set(record.bytes, SESSION + sessionLength);
  frame.writeUInt32LE(crc32(frame.subarray(4)), 0);
  return frame;
}

/** What stands at one place of a spool file. */
type Reading =
  | { readonly type: 'record'; readonly record: EvidenceRecord; readonly size: number }
  /** The bytes end before the frame does; `size` is what it would take. */
  | { readonly type: 'short'; readonly size: number }
  /** The checksum is wrong; `size` is what the frame takes if its length can be believed. */
  | { readonly type: 'corrupt'; readonly size: number };

function readFrame(bytes: Buffer, at: number): Reading {
  if (bytes.length - at < SESSION) return { type: 'short', size: SESSION };
  const bodyLength = bytes.readUInt32LE(at + 4);
  const size = BODY + bodyLength;
  if (bodyLength < MIN_BODY || bodyLength > MAX_BODY) return { type: 'corrupt', size };
  if (bytes.length - at < size) return { type: 'short', size };
  const start = at + SESSION + (bytes[at + 16] as number);
  if (start > at + size || crc32(bytes.subarray(at + 4, at + size)) !== bytes.readUInt32LE(at)) return { type: 'corrupt', size };
  return {
    type: 'record',
    size,
    record: {
      session: bytes.toString('utf8', at + SESSION, start),
      seq: bytes.readUInt32LE(at + 8) + bytes.readUInt32LE(at + 12) * 0x1_0000_0000,
      bytes: bytes.subarray(start, at + size),
    },
  };
}

/** What stands at the head of `bytes`. */
type Frames =
  | { readonly type: 'records'; readonly records: EvidenceRecord[]; readonly size: number }
  /** So many bytes are needed to tell. */
  | { readonly type: 'short'; readonly needed: number }
  /** The first `size` bytes hold nothing that can be read; what follows may. */
  | { readonly type: 'corrupt'; readonly size: number };

/**
 * Reads up to `max` whole frames from the head of `bytes`, and stops before whatever is not one.
 *
 * A corrupt frame is passed over only when another one begins exactly where its length says that it ends. There is no search for
 * the next frame further on: the bytes of a record are chosen by whoever chooses a tool's arguments, and one who hid a frame in
 * them could have it read as evidence. Nothing behind such a place is believed.
 */
export function readFrames(bytes: Buffer, max: number): Frames {
  const records: EvidenceRecord[] = [];
  let size = 0;
  while (records.length < max && size < bytes.length) {
    const reading = readFrame(bytes, size);
    if (reading.type !== 'record') {
      if (records.length > 0) break;
      return reading.type === 'short' ? { type: 'short', needed: reading.size } : afterCorrupt(bytes, reading.size);
    }
    records.push(reading.record);
    size += reading.size;
  }
  return { type: 'records', records, size };
}

function afterCorrupt(bytes: Buffer, size: number): Frames {
  if (size >= MAX_BODY) return { type: 'corrupt', size: Number.POSITIVE_INFINITY };
  const next = readFrame(bytes, size);
  switch (next.type) {
    case 'record':
      return { type: 'corrupt', size };
    case 'short':
      return { type: 'short', needed: size + next.size };
    case 'corrupt':
      return { type: 'corrupt', size: Number.POSITIVE_INFINITY };
  }
}
