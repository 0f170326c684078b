/** A moment as an auditor writes it down: UTC, to the second. @example moment(0) // '1970-01-01 00:00:00' */
export function moment(ms: number): string {
  if (!Number.isFinite(ms) || Math.abs(ms) > 8.64e15) return 'unknown';
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

export function day(ms: number): string {
  return moment(ms).slice(0, 10);
}

/** @example duration(3_725_000) // '1 h 2 min' */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor((seconds % 86_400) / 3_600), 'h'],
    [Math.floor((seconds % 3_600) / 60), 'min'],
    [seconds % 60, 's'],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return '0 s';
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}

/** @example percent(1, 3) // '33.3 %' */
export function percent(part: number, whole: number): string {
  return whole === 0 ? '–' : `${((100 * part) / whole).toFixed(1).replace(/\.0$/, '')} %`;
}

/** @example plural(2, 'session') // '2 sessions' */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** A digest short enough for a table, long enough to find it. */
export function short(digest: string): string {
  return digest.slice(0, 12);
}
