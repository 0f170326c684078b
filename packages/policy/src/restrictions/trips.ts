import type { Call } from '../call.js';
import type { BreakerSource, Dimension } from '../schema.js';
import type { ActionStatus, Evidence } from '../types.js';

// What trips a breaker. Each is a fold over calls and their outcomes; `attempt` before a call, `settle` after it.

export const NO_EVIDENCE: Evidence = { count: 0, text: '', recent: [] };

export interface Seen {
  readonly tripped: boolean;
  readonly evidence: Evidence;
}

export interface Trip {
  /** For people: "3 errors in a row". */
  readonly what: string;
  /** Without these dimensions its evidence would mix up calls that have nothing to do with each other. */
  readonly per: readonly Dimension[];
  readonly attempt?: (evidence: Evidence, call: Call, now: number) => Seen;
  readonly settle?: (evidence: Evidence, failed: boolean, digest: string) => Seen;
}

/** An error or a timeout is a failure; what was cancelled or never ran says nothing about the tool. */
export function failureOf(status: ActionStatus): boolean | undefined {
  return status === 'ok' ? false : status === 'error' || status === 'timeout' ? true : undefined;
}

export function tripOf(source: BreakerSource): Trip {
  const { consecutive_errors, error_rate, identical_calls, changed_retries, spawns, within: withinMs } = source;
  if (consecutive_errors !== undefined) return consecutiveErrors(consecutive_errors);
  if (error_rate !== undefined) return errorRate(error_rate.above, error_rate.of);
  if (identical_calls !== undefined) return identicalCalls(identical_calls, withinMs);
  if (changed_retries !== undefined) return changedRetries(changed_retries);
  return fanOut(spawns ?? 1, withinMs, source.tools !== undefined);
}

function consecutiveErrors(most: number): Trip {
  return {
    what: `${most} errors in a row`,
    per: [],
    settle(evidence, failed) {
      const count = failed ? evidence.count + 1 : 0;
      return { tripped: count >= most, evidence: { ...evidence, count } };
    },
  };
}

/** `text` holds the last outcomes, one character each. */
function errorRate(above: number, of: number): Trip {
  return {
    what: `more than ${Math.round(above * 100)} % errors in ${of} calls`,
    per: [],
    settle(evidence, failed) {
      const text = `${evidence.text}${failed ? '1' : '0'}`.slice(-of);
      const errors = text.replaceAll('0', '').length;
      return { tripped: text.length === of && errors / of > above, evidence: { ...evidence, text } };
    },
  };
}

/** Calls remembered to be compared, at the most. */
const REMEMBERED = 64;

/** Counted within the time, not only in a row: an agent that goes in circles alternates. */
function identicalCalls(most: number, withinMs: number): Trip {
  return {
    what: `more than ${most} identical calls`,
    per: ['tool'],
    attempt(evidence, call, now) {
      const digest = call.digest();
      const recent = within(evidence, now, withinMs, REMEMBERED - 1);
      let same = 0;
      for (const [known] of recent) if (known === digest) same++;
      return { tripped: same >= most, evidence: { ...evidence, recent: [...recent, [digest, now]] } };
    },
  };
}

/** `text` is the digest of the call that failed last, `count` how often other arguments were tried since one succeeded. */
function changedRetries(most: number): Trip {
  return {
    what: `more than ${most} retries with changed arguments`,
    per: ['tool', 'session'],
    attempt(evidence, call) {
      const changed = evidence.text !== '' && evidence.text !== call.digest();
      if (!changed) return { tripped: false, evidence };
      const count = evidence.count + 1;
      return { tripped: count > most, evidence: { ...evidence, count } };
    },
    settle: (evidence, failed, digest) => ({ tripped: false, evidence: failed ? { ...evidence, text: digest } : NO_EVIDENCE }),
  };
}

function fanOut(most: number, withinMs: number, named: boolean): Trip {
  return {
    what: `more than ${most} agents started`,
    per: [],
    attempt(evidence, { action }, now) {
      if (action.spawns !== true && !named) return { tripped: false, evidence };
      const recent = within(evidence, now, withinMs, most);
      return { tripped: recent.length >= most, evidence: { ...evidence, recent: [...recent, ['', now]] } };
    },
  };
}

/** The latest calls, those alone that are not too long ago. */
function within({ recent }: Evidence, now: number, withinMs: number, most: number): Evidence['recent'] {
  let gone = Math.max(0, recent.length - most);
  while (gone < recent.length && (recent[gone]?.[1] ?? 0) + withinMs <= now) gone++;
  return gone === 0 ? recent : recent.slice(gone);
}
