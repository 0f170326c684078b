import { compilePatterns } from '../pattern.js';
import type { SeparationSource } from '../schema.js';
import { compileSelector, covers, type Selector } from '../selector.js';
import { Marks, withMark, withoutMark } from './marks.js';
import { objection, type Restriction } from './restriction.js';

/** Separation of duties in one session: tools that exclude each other, or that have an order (README, "separation"). */
export function compileSeparation(source: SeparationSource, id: string, observe: boolean): Restriction {
  const { agents, principals, never_both, in_order, tools = [], after = [] } = source;
  const about = { id, observe, source, selector: compileSelector({ agents, principals }) };
  if (never_both !== undefined) {
    const explain = `This session has used a tool that ${id} keeps apart from this one`;
    return amongGroups(about, never_both, explain, (other, own) => !own.includes(other));
  }
  if (in_order !== undefined) {
    const explain = `This session has used a tool that comes after this one in the order of ${id}`;
    return amongGroups(about, in_order, explain, (other, own) => other > Math.max(...own));
  }
  return prerequisite(about, tools, after);
}

interface About {
  readonly id: string;
  readonly observe: boolean;
  readonly source: SeparationSource;
  readonly selector: Selector;
}

/** Groups of which some exclude others once they were used. */
function amongGroups(
  { id, observe, source, selector }: About,
  groups: readonly (readonly string[])[],
  explain: string,
  excludes: (other: number, own: readonly number[]) => boolean,
): Restriction {
  const lists = groups.map(compilePatterns);
  const marks = new Marks(id, 'session');
  const object = objection(id, source);
  return {
    id,
    observe,
    examine(call, cells, now) {
      const own = lists.flatMap((list, group) => (list(call.action.tool) === undefined ? [] : [group]));
      if (own.length === 0 || !covers(selector(call), call)) return undefined;
      const used = marks.counts(call, cells);
      const excluded = lists.some((_, other) => used(other) > 0 && excludes(other, own));
      return { verdict: excluded ? object(explain) : undefined, ...marks.marking(call, cells, now, own, 1) };
    },
    settle: (cell, entry, status, now) => (status === 'denied' ? withoutMark(cell, entry, now) : cell),
  };
}

/** Tools that may be used only once another has ended well in the session. */
function prerequisite({ id, observe, source, selector }: About, tools: readonly string[], after: readonly string[]): Restriction {
  const [restricted, required] = [compilePatterns(tools), compilePatterns(after)];
  const marks = new Marks(id, 'session');
  const object = objection(id, source);
  return {
    id,
    observe,
    examine(call, cells, now) {
      const isRestricted = restricted(call.action.tool) !== undefined;
      const isRequired = required(call.action.tool) !== undefined;
      if ((!isRestricted && !isRequired) || !covers(selector(call), call)) return undefined;
      const missing = isRestricted && marks.counts(call, cells)(0) === 0;
      return {
        verdict: missing ? object(`No tool that ${id} requires before this one has ended well in this session`) : undefined,
        ...marks.marking(call, cells, now, isRequired ? [0] : [], 0),
      };
    },
    settle: (cell, entry, status, now) => (status === 'ok' ? withMark(cell, entry, now) : cell),
  };
}
