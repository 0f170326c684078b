import type { SessionReport } from '@agent-custody/chain';

/** What `verify` exits with; of several the gravest, and integrity is graver than completeness, that than authority. */
export const EXIT = { ok: 0, broken: 1, incomplete: 2, deviated: 3, usage: 64, failure: 70 } as const;
export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

/**
 * The exit status of a judgement. What cannot be vouched for counts as incomplete: nothing to verify, a line that could not be
 * read, a session whose integrity is `unknown` because its version is. At rest an open session is incomplete too.
 *
 * @param whole whether everything that was there could be read
 */
export function exitStatus(reports: readonly SessionReport[], facts: { readonly atRest: boolean; readonly whole: boolean }): ExitStatus {
  if (reports.some((report) => report.integrity === 'broken')) return EXIT.broken;
  const incomplete = (report: SessionReport): boolean =>
    report.completeness === 'incomplete' || report.integrity === 'unknown' || (facts.atRest && report.completeness === 'open');
  if (reports.length === 0 || !facts.whole || reports.some(incomplete)) return EXIT.incomplete;
  return reports.some((report) => report.authority === 'deviated') ? EXIT.deviated : EXIT.ok;
}
