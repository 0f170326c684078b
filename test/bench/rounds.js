import { median, spread } from './statistics.js';

/** @typedef {() => number | Promise<number>} Contestant one round; answers its cost, or whatever else is compared */

/** A round more is made until the ratio of two contestants varies less than this. */
const STEADY = 0.08;

/**
 * Measures contestants side by side, round by round (A B A B …), so that what disturbs the machine disturbs all of them.
 *
 * @template {string} Name
 * @param {Record<Name, Contestant>} contestants the first is what the others are compared with when steadiness is judged
 * @param {{ warmUp: number, rounds: number, most: number, steady?: (costs: Record<Name, number[]>) => number[][] }} plan rounds
 * before the count, at least, and at most; `steady` answers the series that must settle
 * @returns {Promise<Record<Name, number[]>>} the cost of each counted round
 */
export async function interleave(contestants, { warmUp, rounds, most, steady = ratiosToFirst }) {
  const names = /** @type {Name[]} */ (Object.keys(contestants));
  const costs = /** @type {Record<Name, number[]>} */ (/** @type {unknown} */ (Object.fromEntries(names.map((name) => [name, []]))));
  for (let round = -warmUp; round < most; round++) {
    for (const name of names) {
      const cost = await contestants[name]();
      if (round >= 0) costs[name].push(cost);
    }
    if (round + 1 >= rounds && steady(costs).every((series) => spread(series) < STEADY)) break;
  }
  return costs;
}

/** @param {Record<string, number[]>} costs */
function ratiosToFirst(costs) {
  const [first = [], ...others] = Object.values(costs);
  return others.map((other) => ratios(other, first));
}

/**
 * Round by round: what disturbs one round disturbs both sides of its ratio.
 *
 * @param {readonly number[]} ours
 * @param {readonly number[]} theirs
 */
export function ratios(ours, theirs) {
  return ours.map((cost, round) => cost / (theirs[round] ?? Number.NaN));
}

/**
 * @param {readonly number[]} series
 * @returns {{ value: number, spread: number }}
 */
export function settled(series) {
  return { value: median(series), spread: spread(series) };
}

/**
 * CPU time of one call of `work` in nanoseconds, over `count` calls: unlike the time on the wall it does not grow when something else
 * wants the core.
 *
 * @param {number} count
 * @param {(index: number) => void} work
 */
export function cpuPerCall(count, work) {
  const begun = process.cpuUsage();
  for (let index = 0; index < count; index++) work(index);
  return cpuNanoseconds(begun) / count;
}

/**
 * @param {NodeJS.CpuUsage} begun
 */
export function cpuNanoseconds(begun) {
  const { user, system } = process.cpuUsage(begun);
  return (user + system) * 1000;
}
