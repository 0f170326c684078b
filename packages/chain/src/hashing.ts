import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';

/**
 * The two primitives that the format needs. Every preimage of version 1 is text, so both take text and hash its UTF-8 bytes:
 * node's `crypto.hash` is fastest on strings. Inject node's where there is one; the portable ones are {@link portableHashing}.
 */
export interface Hashing {
  /** SHA-256 of the UTF-8 bytes of `text`, as 64 lower-case hex. */
  sha256(text: string): string;
  /** HMAC-SHA256 under `saltHex` (64 hex = 32 bytes) of the UTF-8 bytes of `text`, as 64 lower-case hex. */
  hmacSha256(saltHex: string, text: string): string;
}

/** SHA-256 and HMAC of @noble/hashes: for browsers and as the reference that injected ones are tested against. */
export const portableHashing: Hashing = {
  sha256: (text) => bytesToHex(sha256(utf8ToBytes(text))),
  hmacSha256: (saltHex, text) => bytesToHex(hmac(sha256, hexToBytes(saltHex), utf8ToBytes(text))),
};
