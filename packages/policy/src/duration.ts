const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Longest span of time that a policy can name: what is kept for it has to be kept that long. */
export const MAX_DURATION_MS = 31 * UNITS.d;

/**
 * Milliseconds of a duration such as `90s`; undefined when it is none, is zero, or is longer than 31 days.
 *
 * @example durationMs('15m') // 900000
 */
export function durationMs(text: string): number | undefined {
  const match = /^([1-9]\d{0,9})(ms|s|m|h|d)$/.exec(text);
  if (match === null) return undefined;
  const value = Number(match[1]) * UNITS[match[2] as keyof typeof UNITS];
  return value <= MAX_DURATION_MS ? value : undefined;
}

/** A duration for people, in the largest unit that it fills. */
export function spoken(ms: number): string {
  const [unit, size] = (Object.entries(UNITS) as [string, number][]).reverse().find(([, each]) => ms >= each) ?? ['ms', 1];
  return `${Math.ceil(ms / size)} ${unit}`;
}
