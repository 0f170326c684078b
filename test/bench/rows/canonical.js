import { hash } from 'node:crypto';
import { toCanonical } from '@agent-custody/chain';
import { Random } from '../random.js';
import { interleave, cpuPerCall, ratios, settled } from '../rounds.js';
import { microseconds } from '../units.js';

const POOL = 256;
const CALLS = 20_000;

/** Arguments of a tool call: about 300 bytes of JSON, keys in the order in which a person writes them. */
export function toolArguments(/** @type {Random} */ random) {
  return {
    to: `${random.hex(4)}@example.com`,
    subject: random.text(4),
    body: random.text(13),
    amount: random.integer(1_000_000) / 100,
    currency: 'EUR',
    attachments: [{ name: `invoice-${random.hex(4)}.pdf`, pages: random.integer(30) }],
    urgent: random.integer(2) === 1,
    retries: random.integer(5),
  };
}

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
