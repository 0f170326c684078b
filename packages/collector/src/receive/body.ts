import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createGunzip, createInflate, type Gunzip, type Inflate } from 'node:zlib';
import type { Lease } from './in-flight.js';
import { ClientGone, Refusal, RPC_CODE, tooLarge } from './refusal.js';

export interface BodyLimits {
  /** Bytes as sent. */
  readonly sent: number;
  /** Bytes once inflated. */
  readonly inflated: number;
}

export interface Body {
  readonly bytes: Buffer;
  /** Bytes as sent. */
  readonly sent: number;
  /** The body as sent, where that is gzip. */
  readonly gzip?: Buffer;
}

const INFLATE_CHUNK = 64 * 1024;
const LARGEST_CHUNK = 4 * 1024 * 1024;

/**
 * Reads a request's body whole, and inflates it. What is beyond a limit is noticed as it comes in and as it is inflated, so that
 * neither a body without end nor a zip bomb (a thousandfold of what was sent) is ever held. `proceed` is called once the body is
 * wanted: before, nothing of it need be sent.
 *
 * @throws Refusal 413, 415, 400 (no gzip), 503 (the lease); ClientGone
 */
export async function readBody(request: IncomingMessage, limits: BodyLimits, lease: Lease, proceed: () => void): Promise<Body> {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  const inflater = inflaterFor(encoding);
  const declared = Number(request.headers['content-length'] ?? 0);
  const sentTooLarge = () => tooLarge(`the body is larger than ${limits.sent} bytes; send smaller batches`);
  if (declared > limits.sent) throw sentTooLarge();
  proceed();
  const sent = await collect(request, limits.sent, lease, sentTooLarge).catch((error: unknown) => {
    throw error instanceof Refusal ? error : new ClientGone('the client closed the connection', { cause: error });
  });
  if (inflater === undefined) {
    if (sent.length > limits.inflated) throw inflatedTooLarge(limits);
    return { bytes: sent, sent: sent.length };
  }
  const bytes = await inflate(sent, inflater(sent), limits, lease);
  return { bytes, sent: sent.length, ...(encoding === 'gzip' && { gzip: sent }) };
}

function inflaterFor(contentEncoding: string): ((sent: Buffer) => Gunzip | Inflate) | undefined {
  switch (contentEncoding) {
    case 'identity':
    case '':
      return undefined;
    case 'gzip':
      return (sent) => createGunzip({ chunkSize: chunkFor(sent) });
    case 'deflate':
      return () => createInflate({ chunkSize: INFLATE_CHUNK });
    default:
      throw new Refusal(415, 'this Content-Encoding is not supported; send gzip, deflate or none', {
        rpcCode: RPC_CODE.invalidArgument,
        headers: { 'accept-encoding': 'gzip, deflate' },
      });
  }
}

/**
 * One chunk for the whole of an honest body, whose length gzip notes at its end (RFC 1952, ISIZE): each further chunk is one more
 * turn of the event loop. It is what somebody says, so no more is set aside than a little over what text usually inflates to.
 */
function chunkFor(sent: Buffer): number {
  const noted = sent.length < 18 ? 0 : sent.readUInt32LE(sent.length - 4) + 1;
  return Math.max(INFLATE_CHUNK, Math.min(noted, 16 * sent.length, LARGEST_CHUNK));
}

async function inflate(sent: Buffer, inflater: Gunzip | Inflate, limits: BodyLimits, lease: Lease): Promise<Buffer> {
  inflater.end(sent);
  try {
    return await collect(inflater, limits.inflated, lease, () => inflatedTooLarge(limits));
  } catch (error) {
    if (error instanceof Refusal) throw error;
    const message = 'the body does not inflate: it is cut off, or not what its Content-Encoding says';
    throw new Refusal(400, message, { rpcCode: RPC_CODE.invalidArgument }, { cause: error });
  } finally {
    inflater.destroy();
  }
}

function inflatedTooLarge(limits: BodyLimits): Refusal {
  return tooLarge(`the body is larger than ${limits.inflated} bytes once inflated; send smaller batches`);
}

/** All that the stream holds; rejects with what `tooMuch` makes as soon as that is more than `limit`. */
function collect(stream: Readable, limit: number, lease: Lease, tooMuch: () => Refusal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      try {
        if (length > limit) throw tooMuch();
        lease.take(chunk.length);
        chunks.push(chunk);
      } catch (error) {
        stream.off('data', onData);
        chunks.length = 0;
        reject(error);
      }
    };
    stream.on('data', onData);
    stream.once('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, length)));
    stream.once('error', reject);
    stream.once('close', () => {
      if (!stream.readableEnded) reject(new ClientGone('the stream closed before its end'));
    });
  });
}
