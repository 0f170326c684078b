/**
 * Tells the process that started this one where to send spans, and how much CPU time was used whenever it asks; ends with it.
 *
 * @param {string} url
 */
export function serveParent(url) {
  process.on('message', () => process.send?.({ cpu: process.cpuUsage() }));
  process.once('disconnect', () => process.exit(0));
  process.send?.({ url });
}
