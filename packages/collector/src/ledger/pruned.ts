import { hash } from 'node:crypto';
import { canonicalize, type LinkCopy, WIRE_VERSION } from '@agent-custody/chain';
import type { PrunedSession } from './ledger.js';

/** The kind of a link that is only known to have been there. */
export const PRUNED = 'pruned';

/**
 * Stands for a link that was on record once and was pruned: it is not sound, and an unsound parent raises nothing about lineage
 * (SPEC.md, "Findings").
 */
export function prunedLink(session: string, seq: number): LinkCopy {
  return {
    session,
    seq,
    kind: PRUNED,
    version: WIRE_VERSION,
    prev: '',
    hash: '',
    time: '0',
    attributes: {},
    traceId: '',
    spanId: '',
    preimage: '',
    recomputes: false,
    disclosure: 'none',
    content: {},
  };
}

/**
 * The digest of a pruning: over id, number of links and end hash of each session, in the order of the ids.
 *
 * @example prunedDigest(ledger.prunedBy(pruning.id)) === pruning.digest
 */
export function prunedDigest(sessions: readonly Pick<PrunedSession, 'session' | 'links' | 'endHash'>[]): string {
  const sorted = [...sessions].sort((a, b) => (a.session < b.session ? -1 : 1));
  const listed = sorted.map(({ session, links, endHash }) => [session, links, endHash] as const);
  return hash('sha256', `agent-custody/v1/pruned\n${canonicalize(listed)}`, 'hex');
}
