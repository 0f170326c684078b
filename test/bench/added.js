import { settled } from './rounds.js';

/**
 * Round by round, what an instrumentation adds to what it instruments.
 *
 * @param {readonly number[]} instrumented
 * @param {readonly number[]} bare
 */
export function added(instrumented, bare) {
  return instrumented.map((cost, round) => cost - (bare[round] ?? Number.NaN));
}

/**
 * Round by round, what one adds as a share of what another adds. The bare cost is that of all rounds: the difference of two figures
 * of one round each would mostly be noise.
 *
 * @param {readonly number[]} ours
 * @param {readonly number[]} theirs
 * @param {readonly number[]} bare
 */
export function sharesOf(ours, theirs, bare) {
  const base = settled(bare).value;
  return ours.map((cost, round) => (cost - base) / ((theirs[round] ?? Number.NaN) - base));
}
