import { gunzipSync } from 'node:zlib';
import { Agent, SPANS } from '../bodies.js';
import { scanRequest } from '../parts.js';
import { cpuPerCall, interleave, ratios, settled } from '../rounds.js';
import { milliseconds } from '../units.js';

const BODIES = 8;
const CALLS = 24;

/** @returns {Promise<import('../table.js').Row[]>} */
export async function measure() {
  return [await scanned('every tenth span a link', 10), await scanned('every span a link', 1)];
}

/**
 * @param {string} mix
 * @param {number} every
 * @returns {Promise<import('../table.js').Row>}
 */
async function scanned(mix, every) {
  const agent = new Agent(5, every);
  const compressed = Array.from({ length: BODIES }, () => agent.compressed());
  const plain = compressed.map((body) => gunzipSync(body));
  const costs = await interleave(
    {
      theirs: () => cpuPerCall(CALLS, (index) => gunzipSync(at(compressed, index))),
      ours: () => cpuPerCall(CALLS, (index) => scanRequest(at(plain, index))),
    },
    { warmUp: 5, rounds: 15, most: 40 },
  );
  const kilobytes = (/** @type {Buffer[]} */ bodies) => Math.round(bodies.reduce((sum, body) => sum + body.length, 0) / BODIES / 1024);
  return {
    name: `scan, ${mix}`,
    what: `scan of a ${SPANS}-span gzip protobuf body, ${mix}`,
    against: `gunzip of it (${kilobytes(compressed)} kB to ${kilobytes(plain)} kB)`,
    target: { atMost: 0.25 },
    ours: milliseconds(settled(costs.ours).value),
    theirs: milliseconds(settled(costs.theirs).value),
    ratio: settled(ratios(costs.ours, costs.theirs)),
    bound: 'reading keys; of links also making strings of their attributes',
  };
}

/**
 * @param {Buffer[]} bodies
 * @param {number} index
 */
function at(bodies, index) {
  return /** @type {Buffer} */ (bodies[index % bodies.length]);
}
