import { added, sharesOf } from '../added.js';
import { interleave, settled } from '../rounds.js';
import { Sink } from '../sink.js';
import { SubjectProcess, withSubjects } from '../subject-process.js';
import { microseconds } from '../units.js';

/** A run is this many calls, one after the other, in one session. */
const CALLS = 100;
const RUNS = 12;

/** @returns {Promise<import('../table.js').Row[]>} */
export async function measure() {
  const sink = new Sink();
  const url = await sink.listen();
  try {
    return [...(await rows('recorded', undefined)), ...(await rows('recorded, kept and delivered', url))];
  } finally {
    sink.close();
  }
}

/**
 * @param {string} how
 * @param {string | undefined} url
 */
async function rows(how, url) {
  const subjects = {
    none: new SubjectProcess('langchain', 'none'),
    custody: new SubjectProcess('langchain', 'custody', url),
    traceloop: new SubjectProcess('langchain', 'traceloop', url),
    openinference: new SubjectProcess('langchain', 'openinference', url),
  };
  return withSubjects(subjects, async (processes) => {
    const costs = await interleave(
      {
        none: () => processes.none.cpuPerRun(RUNS),
        custody: () => processes.custody.cpuPerRun(RUNS),
        traceloop: () => processes.traceloop.cpuPerRun(RUNS),
        openinference: () => processes.openinference.cpuPerRun(RUNS),
      },
      { warmUp: 8, rounds: 9, most: 20, steady: ({ none, custody, traceloop }) => [sharesOf(custody, traceloop, none)] },
    );
    const ours = microseconds(settled(added(costs.custody, costs.none)).value / CALLS);
    return /** @type {const} */ (['traceloop', 'openinference']).map((peer) => ({
      name: `tool.invoke against ${peer}, ${how}`,
      what: `time added to a LangChain tool.invoke by the adapter, two links for one span, ${how}`,
      against: `what ${PACKAGES[peer]} adds`,
      target: { atMost: 1.0 },
      ours,
      theirs: microseconds(settled(added(costs[peer], costs.none)).value / CALLS),
      ratio: settled(sharesOf(costs.custody, costs[peer], costs.none)),
      bound: url === undefined ? BOUND : 'as above, and one write to the spool for each link',
    }));
  });
}

const BOUND = 'three HMACs and two hashes, and building the attributes of two links';
const PACKAGES = {
  traceloop: '@traceloop/instrumentation-langchain',
  openinference: '@arizeai/openinference-instrumentation-langchain',
};
