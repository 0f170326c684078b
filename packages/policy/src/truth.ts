/**
 * Whether a condition holds. UNKNOWN: it cannot be told, because an argument is missing, is of another kind than the condition
 * reads, or means different things to different readers. Kleene's three values, so that `not` of what cannot be told is not a way
 * round a rule.
 */
export type Truth = typeof NO | typeof UNKNOWN | typeof YES;
export const NO = 0;
export const UNKNOWN = 1;
export const YES = 2;

export function truth(holds: boolean): Truth {
  return holds ? YES : NO;
}

export function not(one: Truth): Truth {
  return one === YES ? NO : one === NO ? YES : UNKNOWN;
}

export function both(one: Truth, other: Truth): Truth {
  return one < other ? one : other;
}

export function either(one: Truth, other: Truth): Truth {
  return one > other ? one : other;
}
