import { hash } from 'node:crypto';
import { toCanonical } from '@agent-custody/chain';
import { toolArguments } from '../arguments.js';
import { Random } from '../random.js';
import { cpuPerCall, interleave, ratios, settled } from '../rounds.js';
import { microseconds } from '../units.js';

const POOL = 256;
const CALLS = 20_000;

/** @returns {Promise<import('../table.js').Row[]>} */
export async function measure() {
  const random = new Random(1);
  const pool = Array.from({ length: POOL }, () => toolArguments(random));
  const bytes = Math.round(pool.reduce((sum, value) => sum + JSON.stringify(value).length, 0) / POOL);
  const costs = await interleave(
    {
      theirs: () => cpuPerCall(CALLS, (index) => hash('sha256', JSON.stringify(pool[index % POOL]))),
      ours: () => cpuPerCall(CALLS, (index) => hash('sha256', toCanonical(pool[index % POOL]).text)),
    },
    { warmUp: 5, rounds: 15, most: 40 },
  );
  return [
    {
      name: 'canonical JSON and hash',
      what: `canonical JSON + hash of ${bytes} B arguments`,
      against: 'JSON.stringify + crypto.hash',
      target: { atMost: 1.3 },
      ours: microseconds(settled(costs.ours).value),
      theirs: microseconds(settled(costs.theirs).value),
      ratio: settled(ratios(costs.ours, costs.theirs)),
      bound: 'crypto.hash, which both sides call, and sorting keys',
    },
  ];
}
