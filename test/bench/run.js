// Prints the speed table of this project: its own figures and its peers' from the same run, as ratios. `npm run bench`, or
// `npm run bench -- scan chain` for some of it.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { installPeers, peerVersions } from './peers.js';
import { printed, summary } from './table.js';

const MEASUREMENTS = ['canonical', 'chain', 'policy', 'tool-invoke', 'ai-run', 'scan', 'collector'];

/** @param {readonly string[]} wanted names of measurements; none: all of them */
async function run(wanted) {
  const unknown = wanted.filter((name) => !MEASUREMENTS.includes(name));
  if (unknown.length > 0) throw new Error(`no measurement is called ${unknown.join(', ')}: there are ${MEASUREMENTS.join(', ')}`);
  installPeers();
  const begun = performance.now();
  console.log(`Node ${process.version}, ${cpus().length} cores (${cpus()[0]?.model}), load ${load()}; ${peerVersions().join(', ')}`);
  console.log('Times of one call are CPU time; rounds are interleaved; a ratio is the median over the rounds (± half the middle half).\n');
  /** @type {import('./table.js').Row[]} */
  const rows = [];
  for (const name of MEASUREMENTS.filter((each) => wanted.length === 0 || wanted.includes(each))) {
    for (const row of await measured(name)) {
      rows.push(row);
      console.log(printed(row));
    }
  }
  console.log(summary(rows));
  const seconds = Math.round((performance.now() - begun) / 1000);
  console.log(`\n${seconds} s; load ${load()}: with more at work than there are cores, ratios hold better than figures`);
}

/**
 * A measurement in a process of its own: what one has compiled or left on the heap is no matter to the next. One thread collects
 * garbage, so that all of it counts once.
 *
 * @param {string} name
 * @returns {Promise<import('./table.js').Row[]>}
 */
async function measured(name) {
  const child = fork(fileURLToPath(new URL('measurement.js', import.meta.url)), [name], { execArgv: ['--single-threaded-gc'] });
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`the measurement ${name} ended with status ${code}`);
  });
  const [rows] = await Promise.race([once(child, 'message'), failed]);
  child.disconnect();
  await failed.catch(() => undefined);
  return rows;
}

function load() {
  return loadavg()[0]?.toFixed(1);
}

run(process.argv.slice(2)).catch((error) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
