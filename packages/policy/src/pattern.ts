// Patterns for the names of tools, tool types, agents and principals (README, "Patterns"). Compared by UTF-16 code units: no case
// folding and no normalisation, since two names that look alike are two tools.

/** One step of a pattern: a code unit, exactly one of any (`?`), or any number of any (`*`). */
export type PatternStep = number | 'one' | 'many';

const STAR = 42;
const QUESTION = 63;
const BACKSLASH = 92;

/** The steps of a pattern; undefined when it ends in a lone backslash. */
export function patternSteps(pattern: string): readonly PatternStep[] | undefined {
  const steps: PatternStep[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const unit = pattern.charCodeAt(at);
    if (unit === STAR) {
      if (steps.at(-1) !== 'many') steps.push('many');
    } else if (unit === QUESTION) steps.push('one');
    else if (unit !== BACKSLASH) steps.push(unit);
    else if (++at < pattern.length) steps.push(pattern.charCodeAt(at));
    else return undefined;
  }
  return steps;
}

/** The one name that a pattern without wildcards stands for; undefined for a pattern with any. */
export function literalOf(steps: readonly PatternStep[]): string | undefined {
  return steps.some((step) => typeof step === 'string') ? undefined : textOf(steps);
}

function textOf(steps: readonly PatternStep[]): string {
  return steps.map((step) => String.fromCharCode(step as number)).join('');
}

/** Answers which pattern of a list a name matches first; undefined for none. Time is bounded by length of name × of pattern. */
export type PatternList = (name: string) => string | undefined;

/**
 * Compiles a list of patterns.
 *
 * @example compilePatterns(['read_*', 'list_files'])('read_database') // 'read_*'
 */
export function compilePatterns(patterns: readonly string[]): PatternList {
  const literals = new Map<string, number>();
  const globs: { readonly place: number; readonly matches: (name: string) => boolean }[] = [];
  patterns.forEach((pattern, place) => {
    const steps = patternSteps(pattern) ?? [];
    const literal = literalOf(steps);
    if (literal === undefined) globs.push({ place, matches: compileGlob(steps) });
    else if (!literals.has(literal)) literals.set(literal, place);
  });
  return (name) => {
    const exact = literals.get(name);
    for (const { place, matches } of globs) {
      if (exact !== undefined && exact < place) break;
      if (matches(name)) return patterns[place];
    }
    return exact === undefined ? undefined : patterns[exact];
  };
}

function compileGlob(steps: readonly PatternStep[]): (name: string) => boolean {
  if (steps.length === 1 && steps[0] === 'many') return () => true;
  const head = steps.slice(0, -1);
  if (steps.at(-1) === 'many' && literalOf(head) !== undefined) {
    const prefix = textOf(head);
    return (name) => name.startsWith(prefix);
  }
  return (name) => matchSteps(steps, name);
}

/** Goes back to the latest `*` alone: earlier ones have already taken the least that they can. */
function matchSteps(steps: readonly PatternStep[], name: string): boolean {
  let step = 0;
  let at = 0;
  let star = -1;
  let taken = 0;
  while (at < name.length) {
    const wanted = steps[step];
    if (wanted === 'many') {
      star = step++;
      taken = at;
    } else if (wanted === 'one' || wanted === name.charCodeAt(at)) {
      step++;
      at++;
    } else if (star >= 0) {
      step = star + 1;
      at = ++taken;
    } else return false;
  }
  return step === steps.length || (step === steps.length - 1 && steps[step] === 'many');
}
