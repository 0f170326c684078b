import type { PatternStep } from '../pattern.js';
import { patternSteps } from '../pattern.js';
import type { SelectorSource } from '../selector.js';

/** Whether every name that `narrow` matches is matched by `wide`; false also where that is only not clear. */
export function patternCovers(wide: string, narrow: string): boolean {
  return stepsCover(patternSteps(wide) ?? [], patternSteps(narrow) ?? []);
}

/** A `*` of the narrower pattern can be taken in by a `*` alone, a `?` by either; row by row over the wider one's steps. */
function stepsCover(wide: readonly PatternStep[], narrow: readonly PatternStep[]): boolean {
  let reached = [true, ...narrow.map(() => false)];
  for (const step of wide) {
    const next = narrow.map(() => false);
    next.unshift(step === 'many' && reached[0] === true);
    for (let at = 1; at <= narrow.length; at++) {
      const taken = narrow[at - 1];
      next[at] =
        step === 'many'
          ? next[at - 1] === true || reached[at] === true
          : taken !== 'many' && (step === 'one' || step === taken) && reached[at - 1] === true;
    }
    reached = next;
  }
  return reached[narrow.length] === true;
}

export function anyCovers(wide: readonly string[], narrow: string): boolean {
  return wide.some((pattern) => patternCovers(pattern, narrow));
}

/** Whether every call that `narrow` is about `wide` is about, too; false also where that is only not clear. */
export function selectorCovers(wide: SelectorSource, narrow: SelectorSource): boolean {
  const lists = (['tools', 'tool_types', 'agents', 'principals'] as const).every((key) => listCovers(wide[key], narrow[key]));
  return lists && (wide.when === undefined || JSON.stringify(wide.when) === JSON.stringify(narrow.when));
}

function listCovers(wide: readonly string[] | undefined, narrow: readonly string[] | undefined): boolean {
  if (wide === undefined) return true;
  return narrow === undefined ? wide.includes('*') : narrow.every((pattern) => anyCovers(wide, pattern));
}
