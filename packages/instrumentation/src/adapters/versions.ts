import coerce from 'semver/functions/coerce.js';
import satisfies from 'semver/functions/satisfies.js';

/**
 * Whether a version lies in one of the ranges. A pre-release counts as its release: what changes between 7.0.0-beta and 7.0.0 is what
 * an adapter for 7 has to know.
 */
export function inRange(version: string, ranges: readonly string[]): boolean {
  const release = coerce(version);
  return release !== null && ranges.some((range) => satisfies(release, range));
}
