import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A process in which one thing is run over and over, with its CPU time. */
export class SubjectProcess {
  #child;

  /**
   * @param {string} file in subjects/
   * @param {string} way
   * @param {string} [url] where spans go
   */
  constructor(file, way, url) {
    const args = url === undefined ? [way] : [way, url];
    this.#child = fork(fileURLToPath(new URL(`subjects/${file}.js`, import.meta.url)), args, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  async ready() {
    await once(this.#child, 'message');
  }

  /**
   * CPU time of one run in nanoseconds, over `runs` of them.
   *
   * @param {number} runs
   * @returns {Promise<number>}
   */
  async cpuPerRun(runs) {
    this.#child.send({ runs });
    const [{ cpu }] = await once(this.#child, 'message');
    return cpu;
  }

  close() {
    this.#child.disconnect();
  }
}

/**
 * Starts processes, hands them to `measure`, and ends them whatever happens.
 *
 * @template {string} Name
 * @template Result
 * @param {Record<Name, SubjectProcess>} subjects
 * @param {(subjects: Record<Name, SubjectProcess>) => Promise<Result>} measure
 */
export async function withSubjects(subjects, measure) {
  const all = /** @type {SubjectProcess[]} */ (Object.values(subjects));
  try {
    await Promise.all(all.map((subject) => subject.ready()));
    return await measure(subjects);
  } finally {
    for (const subject of all) subject.close();
  }
}
