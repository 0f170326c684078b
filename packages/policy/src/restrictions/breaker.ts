import { type Call, cellKeys, cellSession } from '../call.js';
import { spoken } from '../duration.js';
import type { BreakerSource } from '../schema.js';
import { compileSelector, covers } from '../selector.js';
import { cellAt } from '../table.js';
import type { ActionStatus, Cell, CellTable, PermitEntry } from '../types.js';
import { type Examination, objection, RETENTION_MS, type Restriction } from './restriction.js';
import { failureOf, NO_EVIDENCE, type Trip, tripOf } from './trips.js';

const DAY_MS = 86_400_000;

type BreakerCell = Extract<Cell, { readonly kind: 'breaker' }>;

/**
 * A circuit breaker: closed it counts; tripped it is open for a while; then half-open it lets a few calls through, of which the
 * first that ends well closes it and the first that fails opens it again (README, "breakers").
 */
export function compileBreaker(source: BreakerSource, id: string, observe: boolean): Restriction {
  const selector = compileSelector(source);
  const breaker = new Breaker(source, id);
  return {
    id,
    observe,
    countsSpawns: source.spawns !== undefined && source.tools === undefined,
    examine: (call, cells, now) => (covers(selector(call), call) ? breaker.examine(call, cells, now) : undefined),
    settle: (cell, entry, status, now) => (cell.kind === 'breaker' ? breaker.settle(cell, entry, status, now) : cell),
  };
}

class Breaker {
  private readonly trip: Trip;
  private readonly per: BreakerSource['per'];
  private readonly keyOf: (call: Call) => string;
  private readonly object: ReturnType<typeof objection>;

  constructor(
    private readonly source: BreakerSource,
    private readonly id: string,
  ) {
    this.trip = tripOf(source);
    this.per = [...new Set([...source.per, ...this.trip.per])];
    this.keyOf = cellKeys(id, this.per);
    this.object = objection(id, source);
  }

  examine(call: Call, cells: CellTable, now: number): Examination {
    const key = this.keyOf(call);
    const known = cellAt(cells, key);
    const cell = this.cellOf(known, call, now);
    if (cell.openedMs === null) return this.whileClosed(key, known, cell, call, now);
    const waitMs = cell.openedMs + this.source.open_for - now;
    if (waitMs > 0) {
      return {
        verdict: this.object(`The circuit breaker ${this.id} is open after ${this.trip.what}; it is tried again in ${spoken(waitMs)}`),
      };
    }
    // What a trial starts is part of the trial: refused, the call would fail for it and open the breaker again, for good.
    if (call.isTrial(key)) return this.whileClosed(key, known, cell, call, now);
    // A trial whose outcome never came must not keep it shut for good.
    const trials = now - cell.trialMs >= this.source.open_for ? 0 : cell.trials;
    if (trials >= this.source.trial_calls) {
      return { verdict: this.object(`The circuit breaker ${this.id} is being tried by another call, whose outcome it waits for`) };
    }
    return {
      verdict: undefined,
      admitted: [key, { ...cell, trials: trials + 1, trialMs: now }],
      entry: { rule: this.id, key, trial: true, digest: this.digestOf(call) },
    };
  }

  settle(cell: BreakerCell, { trial, digest = '' }: PermitEntry, status: ActionStatus, now: number): BreakerCell {
    const failed = failureOf(status);
    if (cell.openedMs !== null) {
      if (trial !== true || cell.openedMs + this.source.open_for > now) return cell;
      if (failed === undefined) return { ...cell, trials: Math.max(0, cell.trials - 1) };
      return failed ? this.opened(cell, now) : { ...cell, openedMs: null, trials: 0 };
    }
    if (failed === undefined || this.trip.settle === undefined) return cell;
    const { tripped, evidence } = this.trip.settle(cell.evidence, failed, digest);
    return tripped ? this.opened(cell, now) : { ...cell, evidence };
  }

  private whileClosed(key: string, known: Cell | undefined, cell: BreakerCell, call: Call, now: number): Examination {
    const entry: PermitEntry = { rule: this.id, key, digest: this.digestOf(call) };
    const { tripped, evidence } = this.trip.attempt?.(cell.evidence, call, now) ?? { tripped: false, evidence: cell.evidence };
    if (!tripped) {
      const next = evidence === cell.evidence ? cell : { ...cell, evidence };
      return { verdict: undefined, admitted: next === known ? undefined : [key, next], entry };
    }
    const opened = this.opened(cell, now);
    const verdict = this.object(
      `The circuit breaker ${this.id} opens after ${this.trip.what}; it is tried again in ${spoken(this.source.open_for)}`,
    );
    return { verdict, admitted: [key, opened], refused: [key, opened] };
  }

  private opened(cell: BreakerCell, now: number): BreakerCell {
    return { ...cell, openedMs: now, trials: 0, evidence: NO_EVIDENCE, expiresMs: now + this.source.open_for + RETENTION_MS };
  }

  private cellOf(known: Cell | undefined, call: Call, now: number): BreakerCell {
    if (known?.kind === 'breaker') {
      // A day more or less does not matter, and most calls leave the cell as it is.
      return known.expiresMs > now + RETENTION_MS - DAY_MS ? known : { ...known, expiresMs: now + RETENTION_MS };
    }
    const session = cellSession(this.per, call);
    return { kind: 'breaker', session, expiresMs: now + RETENTION_MS, openedMs: null, trials: 0, trialMs: 0, evidence: NO_EVIDENCE };
  }

  /** Only where outcomes are told apart by it: to digest large arguments takes time. */
  private digestOf(call: Call): string | undefined {
    return this.source.changed_retries === undefined ? undefined : call.digest();
  }
}
