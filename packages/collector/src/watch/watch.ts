import { performance } from 'node:perf_hooks';
import type { Register } from '@agent-custody/chain';
import type { CommitListener, Engine } from '../engine/types.js';
import type { GaugeSources } from '../gauges.js';
import { LedgerError } from '../ledger/errors.js';
import type { Ledger } from '../ledger/ledger.js';
import { OpenFindings } from './open-findings.js';
import { OutboxAge } from './outbox-age.js';
import { SilenceWatch } from './silence.js';

/** What alerts look at beyond counters: kept up to date as transactions are committed and time passes. */
export interface Watch {
  readonly listener: CommitListener;
  /** Puts a changed register into force, here and in the engine. */
  registerChanged(register: Register, engine: Pick<Engine, 'registerChanged'>): void;
  /** To be called about once a second. */
  look(): void;
  /** @param isFresh whether evidence is being judged and can be made durable now */
  gauges(isFresh: () => boolean): Pick<GaugeSources, 'openFindings' | 'silences' | 'approvedStates' | 'outboxAgeMs' | 'evidenceFreshMs'>;
}

export interface WatchOptions {
  /** How long agents may be silent, ms. */
  readonly expected: ReadonlyMap<string, number>;
  /** The least that a learned limit is, ms. */
  readonly leastMs: number;
  readonly register: Register | undefined;
}

/** @throws LedgerError when the ledger cannot be read */
export function createWatch(ledger: Ledger, { expected, leastMs, register }: WatchOptions): Watch {
  const findings = new OpenFindings(ledger, Date.now());
  const silence = new SilenceWatch(ledger, { expected, leastMs, startedMs: Date.now() });
  const outbox = new OutboxAge();
  let freshMs = Date.now();
  if (register !== undefined) silence.registerChanged(register, Date.now());
  const age = (): number => outbox.look(ledger.outboxRange(), performance.now());
  return {
    listener: {
      committed(reported, sessions, atMs) {
        for (const { row } of sessions) silence.heard(row);
        unlessUnreadable(() => findings.reported(reported, atMs));
      },
    },
    registerChanged(changed, engine) {
      engine.registerChanged(changed);
      silence.registerChanged(changed, Date.now());
    },
    look: () => unlessUnreadable(age),
    gauges: (isFresh) => ({
      openFindings: () => findings.named(Date.now()),
      silences: () => silence.silences(Date.now()),
      approvedStates: () => silence.approved(Date.now()),
      outboxAgeMs: age,
      evidenceFreshMs() {
        if (isFresh()) freshMs = Date.now();
        return freshMs;
      },
    }),
  };
}

/** A ledger that cannot be read now is the engine's to report, and what is watched catches up. */
function unlessUnreadable(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
  }
}
