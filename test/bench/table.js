/**
 * What one measurement came to.
 *
 * @typedef {object} Row
 * @property {string} name short, for the summary
 * @property {string} what
 * @property {string} against
 * @property {{ atMost: number } | { atLeast: number }} target of the ratio
 * @property {string} ours
 * @property {string} theirs
 * @property {{ value: number, spread: number }} ratio ours to theirs, the median of all rounds; the middle half's width as a share
 * @property {string} bound what bounds it
 */

const WIDTH = 64;

/**
 * A measurement in print.
 *
 * @param {Row} row
 */
export function printed({ what, against, target, ours, theirs, ratio, bound }) {
  const times = `${ratio.value.toFixed(2)} × (± ${Math.round(ratio.spread * 50)} %)`;
  return [
    what,
    `  ${'against'.padEnd(9)} ${against}`,
    `  ${'this'.padEnd(9)} ${ours}`,
    `  ${'that'.padEnd(9)} ${theirs}`,
    `  ${'ratio'.padEnd(9)} ${times.padEnd(22)} ${wanted(target)}: ${isReached(target, ratio.value) ? 'reached' : 'MISSED'}`,
    `  ${'bound by'.padEnd(9)} ${bound}`,
    '',
  ].join('\n');
}

/**
 * One line for each measurement.
 *
 * @param {readonly Row[]} rows
 */
export function summary(rows) {
  return rows
    .map(({ name, target, ratio }) => {
      return `${name.padEnd(WIDTH)} ${ratio.value.toFixed(2).padStart(6)} ×  ${wanted(target).padEnd(8)} ${isReached(target, ratio.value) ? 'reached' : 'MISSED'}`;
    })
    .join('\n');
}

/** @param {Row['target']} target */
function wanted(target) {
  return 'atMost' in target ? `≤ ${target.atMost.toFixed(2)} ×` : `≥ ${target.atLeast.toFixed(2)} ×`;
}

/**
 * @param {Row['target']} target
 * @param {number} ratio
 */
function isReached(target, ratio) {
  return 'atMost' in target ? ratio <= target.atMost : ratio >= target.atLeast;
}
