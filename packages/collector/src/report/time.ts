import type { LinkCopy } from '@agent-custody/chain';

/** When a link says that it was made, Unix ms; 0 for one that says nothing of use. */
export function linkTimeMs({ time }: Pick<LinkCopy, 'time'>): number {
  return /^\d{1,20}$/.test(time) ? Number(BigInt(time) / 1_000_000n) : 0;
}
