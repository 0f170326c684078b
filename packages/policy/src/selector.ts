import type { Call } from './call.js';
import { compileAll } from './conditions/compile.js';
import type { Condition } from './conditions/schema.js';
import { compilePatterns, type PatternList } from './pattern.js';
import { both, NO, type Truth, truth, UNKNOWN, YES } from './truth.js';

/** Which calls something is about, as parsed. */
export interface SelectorSource {
  readonly tools?: readonly string[] | undefined;
  readonly tool_types?: readonly string[] | undefined;
  readonly agents?: readonly string[] | undefined;
  readonly principals?: readonly string[] | undefined;
  readonly when?: readonly Condition[] | undefined;
}

export type Selector = (call: Call) => Truth;

/** Compiles a selector: all of its parts must hold; what is not known of a call cannot be told. */
export function compileSelector({ tools, tool_types, agents, principals, when }: SelectorSource): Selector {
  const parts: Selector[] = [];
  if (tools !== undefined) parts.push(named(tools, ({ action }) => action.tool));
  if (tool_types !== undefined) parts.push(named(tool_types, ({ action }) => action.toolType));
  if (agents !== undefined) parts.push(named(agents, ({ action }) => action.agent));
  if (principals !== undefined) parts.push(named(principals, ({ action }) => action.principal));
  if (when !== undefined) parts.push(compileAll(when));
  return (call) => {
    let result: Truth = YES;
    for (const part of parts) {
      result = both(result, part(call));
      if (result === NO) return NO;
    }
    return result;
  };
}

function named(patterns: readonly string[], nameOf: (call: Call) => string | undefined): Selector {
  const list: PatternList = compilePatterns(patterns);
  return (call) => {
    const name = nameOf(call);
    return name === undefined ? UNKNOWN : truth(list(name) !== undefined);
  };
}

/** Whether a restriction is taken to be about a call: also when that cannot be told. */
export function covers(selected: Truth, { lenient }: Call): boolean {
  return selected === YES || (selected === UNKNOWN && !lenient);
}
