import { compilePatterns } from '../pattern.js';
import type { FlowSource } from '../schema.js';
import { compileSelector, covers } from '../selector.js';
import { Marks, withoutMark } from './marks.js';
import { objection, type Restriction } from './restriction.js';

/**
 * Information flow: once a tool that is a source of something (secrets, untrusted text) may have run, what may follow in the session
 * is restricted (README, "flows"). The model has read it then: what it does with it cannot be followed any further than that. A
 * child agent gets it with its task, and gives it back with its answer: to delegate must be no way round, so the family counts.
 */
export function compileFlow(source: FlowSource, id: string, observe: boolean): Restriction {
  const sources = compilePatterns(source.from);
  const restricted = compileSelector(source.restricts);
  const marks = new Marks(id, 'family');
  const object = objection(id, source);
  return {
    id,
    observe,
    examine(call, cells, now) {
      const isSource = sources(call.action.tool) !== undefined;
      const isRestricted = covers(restricted(call), call);
      if (!isSource && !isRestricted) return undefined;
      const labelled = isRestricted && marks.isMarked(call, cells, 0);
      return {
        verdict: labelled
          ? object(
              `This session, or an agent that works for it or that it works for, has read what is labelled ${source.label}, which restricts this tool (${id})`,
            )
          : undefined,
        ...marks.marking(call, cells, now, isSource ? [0] : [], 1),
      };
    },
    settle: (cell, entry, status, now) => (status === 'denied' ? withoutMark(cell, entry, now) : cell),
  };
}
