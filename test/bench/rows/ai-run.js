import { added, sharesOf } from '../added.js';
import { interleave, settled } from '../rounds.js';
import { Sink } from '../sink.js';
import { SubjectProcess, withSubjects } from '../subject-process.js';
import { microseconds } from '../units.js';

const RUNS = 250;

/** @returns {Promise<import('../table.js').Row[]>} */
export async function measure() {
  const sink = new Sink();
  const url = await sink.listen();
  try {
    return [await row('recorded', undefined), await row('recorded, kept and delivered', url)];
  } finally {
    sink.close();
  }
}

/**
 * @param {string} how
 * @param {string | undefined} url
 */
async function row(how, url) {
  const subjects = {
    none: new SubjectProcess('ai', 'none'),
    custody: new SubjectProcess('ai', 'custody', url),
    telemetry: new SubjectProcess('ai', 'telemetry', url),
  };
  return withSubjects(subjects, async (processes) => {
    const costs = await interleave(
      {
        none: () => processes.none.cpuPerRun(RUNS),
        custody: () => processes.custody.cpuPerRun(RUNS),
        telemetry: () => processes.telemetry.cpuPerRun(RUNS),
      },
      { warmUp: 8, rounds: 9, most: 20, steady: ({ none, custody, telemetry }) => [sharesOf(custody, telemetry, none)] },
    );
    return {
      name: `ai run, ${how}`,
      what: `CPU added to an ai run with one tool, ${how}`,
      against: 'its own experimental_telemetry',
      target: { atMost: 0.5 },
      ours: microseconds(settled(added(costs.custody, costs.none)).value),
      theirs: microseconds(settled(added(costs.telemetry, costs.none)).value),
      ratio: settled(sharesOf(costs.custody, costs.telemetry, costs.none)),
      bound:
        url === undefined
          ? 'a session, a fingerprint, an action, an attestation: five links'
          : 'as above, and one write to the spool for each link',
    };
  });
}
