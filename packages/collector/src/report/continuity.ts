import type { Run } from '../ledger/ledger.js';

/** A time in which nothing could be recorded, Unix ms. */
export interface Outage {
  readonly fromMs: number;
  readonly untilMs: number;
  /** `unknown`: from before the first run on record, of which nobody knows. */
  readonly why: 'stopped' | 'died' | 'unknown';
}

/** Whether a collector was receiving for the whole of a period. */
export interface Continuity {
  readonly outages: readonly Outage[];
  /** Of the period, ms. */
  readonly receivingMs: number;
  readonly periodMs: number;
}

/** Shorter ones are how a service is restarted; a sender waits that long and delivers. */
const NOTABLE_MS = 60_000;
/** A running collector says that it is once a minute: up to this after its last word it may have been receiving still. */
const BETWEEN_WORDS_MS = 60_000;

/**
 * The times of a period in which no collector was receiving into a ledger. Agents keep what they cannot deliver and send it later,
 * so an outage alone loses nothing; but nothing before the next start can show that.
 *
 * @param runs oldest first
 * @param nowMs a run that has said something within a minute of it is still going on
 * @example continuityOf(ledger.runs(), { sinceMs, untilMs, nowMs: Date.now() }).outages
 */
export function continuityOf(
  runs: readonly Run[],
  period: { readonly sinceMs: number; readonly untilMs: number; readonly nowMs: number },
): Continuity {
  const { sinceMs, untilMs } = period;
  const periodMs = Math.max(0, untilMs - sinceMs);
  const outages: Outage[] = [];
  let receivingMs = 0;
  let at = sinceMs;
  let why: Outage['why'] = 'unknown';
  for (const run of runs) {
    const started = clamp(run.startedMs, at, untilMs);
    const ended = clamp(endOf(run, period.nowMs), started, untilMs);
    if (started > at) outages.push({ fromMs: at, untilMs: started, why });
    receivingMs += ended - started;
    at = Math.max(at, ended);
    why = run.stopped ? 'stopped' : 'died';
  }
  if (at < untilMs) outages.push({ fromMs: at, untilMs, why: runs.length === 0 ? 'unknown' : why });
  return { outages: outages.filter(({ fromMs, untilMs: until }) => until - fromMs >= NOTABLE_MS), receivingMs, periodMs };
}

function endOf(run: Run, nowMs: number): number {
  return !run.stopped && nowMs - run.aliveMs <= 2 * BETWEEN_WORDS_MS ? nowMs : run.aliveMs;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
