import type { Engine, Log } from '../../engine/types.js';
import type { Ledger } from '../../ledger/ledger.js';
import type { TempoReader } from '../client.js';
import { TEMPO_ERROR_CODES } from '../errors.js';

/** What came of reading one session back. */
export const READ_BACK_RESULTS = [
  'same', // all that is on record is there
  'diverged', // it is not: a finding says so
  'undecided', // something differs, and may be on its way
] as const;
export type ReadBackResult = (typeof READ_BACK_RESULTS)[number];

/** Why a session could not be read back. */
export const READ_BACK_FAILURES = [
  ...TEMPO_ERROR_CODES,
  'nothing_found', // nothing of this collector's was ever there: another Tempo, or another tenant
  'partial', // Tempo gives only a part of a trace
  'ledger',
] as const;
export type ReadBackFailure = (typeof READ_BACK_FAILURES)[number];

/** What reading back counts. */
export interface ReadBackMetrics {
  readBack(result: ReadBackResult): void;
  readBackFailed(reason: ReadBackFailure): void;
  /** Spans forwarded a second time. */
  sentAgain(spans: number): void;
}

export interface ReconcilerOptions {
  readonly ledger: Ledger;
  readonly engine: Pick<Engine, 'readBack' | 'links'>;
  readonly tempo: TempoReader;
  /** How long after its last link a session is read back, ms. */
  readonly afterMs: number;
  /** Between the two looks at what seems lost, ms (default: as long as `afterMs`, a minute at most). */
  readonly settleMs?: number | undefined;
  readonly log: Log;
  readonly metrics: ReadBackMetrics;
  /** Unix ms. */
  readonly now?: () => number;
}

/** Reads the collector's sessions back from Tempo, one at a time. */
export interface Reconciler {
  /** Ends what is under way; what is due stays due for the next start. */
  close(): Promise<void>;
}
