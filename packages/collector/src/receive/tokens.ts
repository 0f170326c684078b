import { createHash, timingSafeEqual } from 'node:crypto';
import { ReceiverError } from './error.js';
import { Refusal, RPC_CODE } from './refusal.js';
import type { Caller, IngestToken } from './types.js';

const SHA256_HEX = /^[0-9a-f]{64}$/;
/** RFC 6750 §2.1; the name of a scheme is case-insensitive (RFC 9110 §11.1). */
const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*) *$/i;

function digest(token: string): Buffer {
  return createHash('sha256').update(token, 'utf8').digest();
}

/** Tells by an Authorization header who is calling. */
export interface Gate {
  /** Whether nobody is asked for a token to send. */
  readonly isOpen: boolean;
  /** Whose links the caller may send. @throws Refusal 401 */
  caller(authorization: string | undefined): Caller;
  reader(authorization: string | undefined): boolean;
}

/**
 * @throws ReceiverError `invalid_token`
 * @example createGate([{ sha256: 'b94d27…', agents: new Set(['billing-bot']) }], undefined)
 */
export function createGate(tokens: readonly IngestToken[], readerSha256: string | undefined): Gate {
  const stored = tokens.map(({ sha256, agents }) => ({ hash: storedHash(sha256), caller: { agents } }));
  const readerHash = readerSha256 === undefined ? undefined : storedHash(readerSha256);
  const isOpen = stored.length === 0;
  return {
    isOpen,
    caller(authorization) {
      if (isOpen) return { agents: 'all' };
      const presented = presentedHash(authorization);
      let caller: Caller | undefined;
      if (presented !== undefined) {
        // Every one is compared, in constant time each: how long it took tells nothing about any of them.
        for (const token of stored) if (timingSafeEqual(presented, token.hash)) caller = token.caller;
      }
      if (caller === undefined) throw unauthenticated(presented !== undefined, 'an ingest token');
      return caller;
    },
    reader(authorization) {
      if (readerHash === undefined) return true;
      const presented = presentedHash(authorization);
      return presented !== undefined && timingSafeEqual(presented, readerHash);
    },
  };
}

function storedHash(sha256: string): Buffer {
  if (!SHA256_HEX.test(sha256)) {
    throw new ReceiverError('invalid_token', 'a stored token must be the SHA-256 of the token, 64 lower-case hex, never the token itself');
  }
  return Buffer.from(sha256, 'hex');
}

/** SHA-256 of the bearer token that was sent. */
export function presentedHash(authorization: string | undefined): Buffer | undefined {
  const token = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1];
  return token === undefined ? undefined : digest(token);
}

/** 401. Says that a token was wrong, never which. */
export function unauthenticated(presented: boolean, needed: string): Refusal {
  const message = presented ? `the token is not known here; send ${needed}` : `send ${needed} as "Authorization: Bearer TOKEN"`;
  const challenge = presented ? 'Bearer realm="agent-custody", error="invalid_token"' : 'Bearer realm="agent-custody"';
  return new Refusal(401, message, { rpcCode: RPC_CODE.unauthenticated, headers: { 'www-authenticate': challenge } });
}
