import type { Engine, Log } from '../../engine/types.js';
import type { Ledger } from '../../ledger/ledger.js';
import { TempoClient } from '../client.js';
import type { TempoAddress } from '../request.js';
import { createReconciler } from './reconciler.js';
import type { ReadBackMetrics, Reconciler } from './types.js';

/** Where sessions are read back from, and when. */
export interface Reconciliation extends TempoAddress {
  /** How long after its last link a session is read back, ms. */
  readonly afterMs: number;
  /** Between the two looks at what seems lost, ms (default: as long as `afterMs`, a minute at most). */
  readonly settleMs?: number;
}

/** Of one request, ms: nobody waits for it, and Tempo may be busy with those for whom somebody does. */
const TIMEOUT_MS = 30_000;

/** Starts to read sessions back from the Tempo at this address. */
export function openReconciler(
  { afterMs, settleMs, ...address }: Reconciliation,
  parts: { readonly ledger: Ledger; readonly engine: Engine; readonly log: Log; readonly metrics: ReadBackMetrics },
): Reconciler {
  const aborted = new AbortController();
  // Not asked again at once: the loop has waits of its own, and a Tempo that is down is asked once in minutes.
  const tempo = new TempoClient(address, { timeoutMs: TIMEOUT_MS, retries: 0, signal: aborted.signal });
  const reconciler = createReconciler({ ...parts, tempo, afterMs, settleMs });
  return {
    close: () => {
      const closed = reconciler.close();
      aborted.abort();
      return closed;
    },
  };
}
