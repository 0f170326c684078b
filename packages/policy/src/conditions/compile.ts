import type { Call } from '../call.js';
import { lookUp, MISSING, pointerTokens } from '../pointer.js';
import { both, either, NO, not, type Truth, truth, UNKNOWN, YES } from '../truth.js';
import { compileExpression } from './expression.js';
import { compileHosts } from './host.js';
import { compileInside } from './path.js';
import type { Condition } from './schema.js';

export type CompiledCondition = (call: Call) => Truth;

/** Longest text that is matched, in code units: beyond it no test of a text can be told. */
export const MAX_TEXT = 32_768;
/** Longest array whose items are tested, and the text in all of them: one call must not hold up the agent for longer than one text may. */
const MAX_ITEMS = 10_000;
const MAX_ITEMS_TEXT = 8 * MAX_TEXT;

type Test = (value: unknown) => Truth;

/** All of a list must hold. */
export function compileAll(conditions: readonly Condition[]): CompiledCondition {
  const compiled = conditions.map(compileCondition);
  return (call) => fold(compiled, call, both, NO, YES);
}

function compileCondition(condition: Condition): CompiledCondition {
  const { argument, all, any, not: negated } = condition;
  if (all !== undefined) return compileAll(all);
  if (any !== undefined) {
    const compiled = any.map(compileCondition);
    return (call) => fold(compiled, call, either, YES, NO);
  }
  if (negated !== undefined) {
    const compiled = compileCondition(negated);
    return (call) => not(compiled(call));
  }
  return compileTest(condition, pointerTokens(argument ?? '') ?? []);
}

function fold(
  conditions: readonly CompiledCondition[],
  call: Call,
  join: (one: Truth, other: Truth) => Truth,
  settled: Truth,
  start: Truth,
): Truth {
  let result = start;
  for (const condition of conditions) {
    result = join(result, condition(call));
    if (result === settled) break;
  }
  return result;
}

function compileTest(condition: Condition, tokens: readonly string[]): CompiledCondition {
  const { present } = condition;
  if (present !== undefined) {
    return ({ action, readable }) => (readable ? truth((lookUp(action.arguments, tokens) !== MISSING) === present) : UNKNOWN);
  }
  const test = testOf(condition);
  const tested = condition.items === undefined ? test : itemsTest(test, condition.items);
  return ({ action, readable }) => {
    if (!readable) return UNKNOWN;
    const value = lookUp(action.arguments, tokens);
    return value === MISSING ? UNKNOWN : tested(value);
  };
}

function itemsTest(test: Test, which: 'some' | 'every'): Test {
  const [join, settled, start] = which === 'every' ? ([both, NO, YES] as const) : ([either, YES, NO] as const);
  return (value) => {
    if (!Array.isArray(value) || value.length > MAX_ITEMS) return UNKNOWN;
    let result: Truth = start;
    let length = 0;
    for (const item of value) {
      if (typeof item === 'string' && (length += item.length) > MAX_ITEMS_TEXT) return join(result, UNKNOWN);
      result = join(result, test(item));
      if (result === settled) break;
    }
    return result;
  };
}

function testOf({ equals, one_of, prefix, matches, hosts, inside, base, ...bounds }: Condition): Test {
  if (equals !== undefined) return equalTest([equals]);
  if (one_of !== undefined) return equalTest(one_of);
  if (prefix !== undefined) return textTest((text) => truth(prefix.some((start) => text.startsWith(start))));
  if (matches !== undefined) {
    const expression = compileExpression(matches);
    return textTest((text) => (typeof expression === 'string' ? UNKNOWN : truth(expression.matches(text))));
  }
  if (hosts !== undefined) return textTest(compileHosts(hosts));
  if (inside !== undefined) return textTest(compileInside(inside, base));
  return boundsTest(bounds);
}

function textTest(test: (text: string) => Truth): Test {
  return (value) => (typeof value === 'string' && value.length <= MAX_TEXT ? test(value) : UNKNOWN);
}

/** "100" is no number: what the tool makes of it is not known here. */
function boundsTest({ at_least, at_most, above, below }: Condition): Test {
  return (value) => {
    if (typeof value !== 'number' || !Number.isFinite(value)) return UNKNOWN;
    return truth(
      (at_least === undefined || value >= at_least) &&
        (at_most === undefined || value <= at_most) &&
        (above === undefined || value > above) &&
        (below === undefined || value < below),
    );
  };
}

/** Equal as JSON. Of a kind that no candidate is of: a tool that coerces would take "1" for 1, so that cannot be told. */
function equalTest(candidates: readonly unknown[]): Test {
  const kinds = new Set(candidates.map(kindOf));
  const scalars = new Set(candidates.filter((candidate) => !isContainer(candidate)));
  const containers = candidates.filter(isContainer);
  return (value) => {
    // NaN is no JSON value, and -0 is 0 to a Set as it is to JSON.
    if (!kinds.has(kindOf(value)) || Number.isNaN(value)) return UNKNOWN;
    if (!isContainer(value)) return truth(scalars.has(value));
    return truth(containers.some((candidate) => isEqual(candidate, value)));
  };
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Goes as deep as the policy's own value does, which is bounded. */
function isEqual(wanted: unknown, value: unknown): boolean {
  if (!isContainer(wanted) || !isContainer(value)) return wanted === value;
  if (Array.isArray(wanted) || Array.isArray(value)) {
    return (
      Array.isArray(wanted) &&
      Array.isArray(value) &&
      wanted.length === value.length &&
      wanted.every((item: unknown, at) => isEqual(item, value[at]))
    );
  }
  const keys = Object.keys(wanted);
  return (
    keys.length === Object.keys(value).length &&
    keys.every(
      (key) => Object.hasOwn(value, key) && isEqual((wanted as Record<string, unknown>)[key], (value as Record<string, unknown>)[key]),
    )
  );
}

/** The arguments that conditions read, as the author named them: what a reason may say. */
export function pointersOf(conditions: readonly Condition[]): readonly string[] {
  const pointers = conditions.flatMap(({ argument, all, any, not: negated }) => [
    ...(argument === undefined ? [] : [argument]),
    ...pointersOf(all ?? []),
    ...pointersOf(any ?? []),
    ...pointersOf(negated === undefined ? [] : [negated]),
  ]);
  return [...new Set(pointers)];
}
