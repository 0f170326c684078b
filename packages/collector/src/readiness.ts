import type { Readiness as Answer, Engine } from './engine/index.js';
import { LedgerError } from './ledger/errors.js';
import type { Ledger } from './ledger/ledger.js';

/** A tick is due each second; one that is this late means that waits are not being judged. */
const TICK_LATE_MS = 5_000;
/** A probe writes to the disk: whoever polls `/readyz` must not be able to keep it busy. */
const PROBE_EVERY_MS = 2_000;

/** Whether the collector can be given work: not whether it is up, but whether what it does is fresh and will be durable. */
export class Readiness {
  private lastTick: number;
  private probed: { readonly at: number; readonly answer: Answer } | undefined;

  /** @param limits.now ms on a scale that never jumps */
  constructor(
    private readonly engine: Pick<Engine, 'readiness'>,
    private readonly ledger: Pick<Ledger, 'probe' | 'outboxSize'>,
    private readonly limits: { readonly outboxSpans: number; now(): number },
  ) {
    this.lastTick = limits.now();
  }

  ticked(): void {
    this.lastTick = this.limits.now();
  }

  now(): Answer {
    const evidence = this.evidence();
    return evidence.ready ? this.room() : evidence;
  }

  /** Whether what comes in is judged and made durable, however much waits for Tempo. */
  evidence(): Answer {
    const late = this.limits.now() - this.lastTick;
    if (late > TICK_LATE_MS)
      return notReady(`the last tick is ${Math.round(late / 1000)} s ago: grace periods and idle limits are not being judged`);
    const engine = this.engine.readiness();
    return engine.ready ? this.storage() : engine;
  }

  private storage(): Answer {
    const at = this.limits.now();
    if (this.probed === undefined || at - this.probed.at >= PROBE_EVERY_MS) this.probed = { at, answer: this.probe() };
    return this.probed.answer;
  }

  private room(): Answer {
    return answered(() => {
      const { spans } = this.ledger.outboxSize();
      if (spans < this.limits.outboxSpans) return { ready: true };
      return notReady(`${spans} spans wait to be forwarded (limit ${this.limits.outboxSpans}): is Tempo reachable?`);
    });
  }

  private probe(): Answer {
    return answered(() => {
      this.ledger.probe();
      return { ready: true };
    });
  }
}

function answered(ask: () => Answer): Answer {
  try {
    return ask();
  } catch (error) {
    if (error instanceof LedgerError) return notReady(error.message);
    throw error;
  }
}

function notReady(reason: string): Answer {
  return { ready: false, reason };
}
