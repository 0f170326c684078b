import { fingerprintDigest } from '@agent-custody/chain';
import { nodeHashing } from '../../../src/hashing.js';

export type { LinkCopy } from '@agent-custody/chain';

/** The digest of a component that a framework gives no access to. */
export function nullFingerprint(component: string): string {
  return fingerprintDigest(component, null, nodeHashing);
}
