/**
 * Runs what is measured whenever the process that started this one asks, and answers the CPU time of one run in nanoseconds, with
 * whatever is left to do afterwards included: spans that are on their way are work too.
 *
 * @param {() => Promise<unknown>} run
 * @param {() => Promise<unknown>} finish
 */
export function serveRuns(run, finish) {
  process.on('message', async (/** @type {{ runs: number }} */ { runs }) => {
    const begun = process.cpuUsage();
    for (let index = 0; index < runs; index++) await run();
    await finish();
    const { user, system } = process.cpuUsage(begun);
    process.send?.({ cpu: ((user + system) * 1000) / runs });
  });
  process.once('disconnect', () => process.exit(0));
  process.send?.('ready');
}
