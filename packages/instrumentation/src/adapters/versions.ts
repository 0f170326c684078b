type Triple = readonly [number, number, number];

/**
 * Whether a version lies in one of the ranges, which are comparators (`>=5 <7`, `~1.2`, `^0.8.1`, `*`) that must all hold. A
 * pre-release counts as its release: what changes between 7.0.0-beta and 7.0.0 is what an adapter for 7 has to know.
 */
export function inRange(version: string, ranges: readonly string[]): boolean {
  const own = triple(version);
  return own !== undefined && ranges.some((range) => range.split(/\s+/).every((comparator) => holds(own, comparator)));
}

function holds(version: Triple, comparator: string): boolean {
  const [, operator = '', text = ''] = /^(>=|<=|>|<|=|\^|~)?v?(.*)$/.exec(comparator) ?? [];
  if (text === '*' || text === '') return true;
  const bound = triple(text);
  if (bound === undefined) return false;
  const order = compare(version, bound);
  switch (operator) {
    case '>=':
      return order >= 0;
    case '>':
      return order > 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '^':
      return order >= 0 && compare(version, nextBreaking(bound)) < 0;
    case '~':
      return order >= 0 && compare(version, [bound[0], bound[1] + 1, 0]) < 0;
    default:
      return order === 0;
  }
}

/** Missing parts are zeros. */
function triple(text: string): Triple | undefined {
  const parts = /^(\d+)(?:\.(\d+))?(?:\.(\d+))?/.exec(text);
  return parts ? [Number(parts[1]), Number(parts[2] ?? 0), Number(parts[3] ?? 0)] : undefined;
}

function nextBreaking([major, minor, patch]: Triple): Triple {
  if (major > 0) return [major + 1, 0, 0];
  return minor > 0 ? [0, minor + 1, 0] : [0, 0, patch + 1];
}

function compare(a: Triple, b: Triple): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}
