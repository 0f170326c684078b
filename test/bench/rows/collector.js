import { Agent, SPANS } from '../bodies.js';
import { ServerProcess } from '../load.js';
import { interleave, ratios, settled } from '../rounds.js';
import { Sink } from '../sink.js';
import { spansPerSecond } from '../units.js';

const AGENTS = 8;
const REQUESTS = 6;
const ROUND = AGENTS * REQUESTS * SPANS;

/** @typedef {'custody' | 'bare' | 'decoding'} Name */

/** @returns {Promise<import('../table.js').Row[]>} */
export async function measure() {
  return [...(await endToEnd('every tenth span a link', 10, 0.5)), ...(await endToEnd('every span a link', 1, 0.35))];
}

/**
 * @param {string} mix
 * @param {number} every
 * @param {number} atLeast
 * @returns {Promise<import('../table.js').Row[]>}
 */
async function endToEnd(mix, every, atLeast) {
  const sink = new Sink();
  const url = await sink.listen();
  const names = /** @type {const} */ (['bare', 'custody', 'decoding']);
  const servers = names.map((name) => new ServerProcess(name, url));
  try {
    for (const server of servers) await server.ready();
    const load = new Load(every);
    /** @type {Record<Name, number[]>} */
    const cpu = { custody: [], bare: [], decoding: [] };
    const contestants = /** @type {Record<Name, () => Promise<number>>} */ (
      Object.fromEntries(
        names.map((name, index) => {
          const server = /** @type {ServerProcess} */ (servers[index]);
          return [name, () => oneRound(server, sink, load.requests(index), cpu[name])];
        }),
      )
    );
    const speeds = await interleave(contestants, { warmUp: 1, rounds: 6, most: 8 });
    return rowsOf(mix, every, atLeast, speeds, cpu);
  } finally {
    for (const server of servers) server.close();
    sink.close();
  }
}

/** Requests that no server has seen, the same for each of them in a round. */
class Load {
  #agents;
  /** @type {Buffer[][]} */
  #made = [];

  /** @param {number} every */
  constructor(every) {
    this.#agents = Array.from({ length: AGENTS }, (_, seed) => new Agent(100 + seed, every));
  }

  /** @param {number} turn 0 for the first server of a round */
  requests(turn) {
    if (turn === 0) this.#made = this.#agents.map((agent) => Array.from({ length: REQUESTS }, () => agent.compressed()));
    return this.#made;
  }
}

/**
 * Spans a second from the first byte sent until the sink has them all.
 *
 * @param {ServerProcess} server
 * @param {Sink} sink
 * @param {readonly (readonly Buffer[])[]} requests
 * @param {number[]} cpu
 */
async function oneRound(server, sink, requests, cpu) {
  const cpuBefore = await server.cpuNanoseconds();
  const received = sink.receive(ROUND);
  const begun = process.hrtime.bigint();
  await Promise.all([server.post(requests), received]);
  const elapsed = Number(process.hrtime.bigint() - begun);
  cpu.push(((await server.cpuNanoseconds()) - cpuBefore) / ROUND);
  return (ROUND / elapsed) * 1e9;
}

/**
 * @param {string} mix
 * @param {number} every
 * @param {number} atLeast
 * @param {Record<Name, number[]>} speeds
 * @param {Record<Name, number[]>} cpu
 * @returns {import('../table.js').Row[]}
 */
function rowsOf(mix, every, atLeast, speeds, cpu) {
  const each = (/** @type {Name} */ name) =>
    `${spansPerSecond(settled(speeds[name]).value)} (${(settled(cpu[name]).value / 1000).toFixed(1)} µs CPU a span)`;
  return [
    {
      name: `collector against bare forwarding, ${mix}`,
      what: `collector end to end (receive, verify, make durable, forward), ${mix}`,
      against: 'the same server doing gunzip and forward only',
      target: { atLeast },
      ours: each('custody'),
      theirs: each('bare'),
      ratio: settled(ratios(speeds.custody, speeds.bare)),
      bound:
        every === 1
          ? 'one thread, which reads and hashes each link, collects what it leaves, and writes its bytes to the ledger'
          : 'one thread, which scans, puts together and writes what it forwards, and flushes the ledger',
    },
    {
      name: `collector against decoding, ${mix}`,
      what: `the same, ${mix}`,
      against: 'decode (protobufjs), verify, re-encode, re-compress',
      target: { atLeast: 2.5 },
      ours: each('custody'),
      theirs: each('decoding'),
      ratio: settled(ratios(speeds.custody, speeds.decoding)),
      bound: 'as above; the other by decoding and by gzip level 6',
    },
  ];
}
