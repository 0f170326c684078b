import { canonicalize } from './canonical.js';
import { ChainError } from './errors.js';
import type { Hashing } from './hashing.js';

/** Fields that a commitment can be over. */
export type CommittedField = 'arguments' | 'result' | 'reason';

const LINK_DOMAIN = 'agent-custody/v1/link\n';

/** SHA-256 of a link's preimage under its domain (SPEC.md, "Hash"). */
export function linkHash(preimage: string, hashing: Hashing): string {
  return hashing.sha256(LINK_DOMAIN + preimage);
}

/**
 * {@link linkHash}, and the preimage as a part of the very text that was hashed: what is put together of a hundred pieces stays so in
 * memory, which links that wait for their commit need not.
 */
export function hashedPreimage(preimage: string, hashing: Hashing): { readonly hash: string; readonly preimage: string } {
  const text = LINK_DOMAIN + preimage;
  const hash = hashing.sha256(text);
  return { hash, preimage: text.slice(LINK_DOMAIN.length) };
}

/**
 * The digest of one fingerprint component (SPEC.md, "Fingerprint").
 *
 * @param value JSON; `null` for a part that the framework gives no access to
 * @throws ChainError `not_json`
 * @example fingerprintDigest('system_prompt', 'You reconcile invoices.', portableHashing)
 */
export function fingerprintDigest(component: string, value: unknown, hashing: Hashing): string {
  return hashing.sha256(`agent-custody/v1/fingerprint/${component}\n${canonicalize(value)}`);
}

/** `custody.fingerprint`: the digest over every component's digest. */
export function compositeFingerprint(components: Readonly<Record<string, string>>, hashing: Hashing): string {
  return fingerprintDigest('composite', components, hashing);
}

/**
 * A keyed commitment (SPEC.md, "Commitments").
 *
 * @param text the canonical JSON of the value, exactly as it is disclosed (for a reason: that of the string, or `null`)
 * @param salt 64 lower-case hex, random, one per commitment
 */
export function commitment(field: CommittedField, text: string, salt: string, hashing: Hashing): string {
  if (!SALT.test(salt)) throw new ChainError('invalid_argument', 'salt: expected 64 lower-case hex (32 random bytes)');
  return hashing.hmacSha256(salt, `agent-custody/v1/${field}\n${text}`);
}

export const SALT = /^[0-9a-f]{64}$/;
