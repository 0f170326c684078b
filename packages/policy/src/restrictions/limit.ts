import { cellKeys, cellSession } from '../call.js';
import { spoken } from '../duration.js';
import type { LimitSource } from '../schema.js';
import { compileSelector, covers } from '../selector.js';
import { cellAt } from '../table.js';
import type { Cell } from '../types.js';
import { objection, type Restriction } from './restriction.js';
import { callsIn, inWindow, roomIn, withCall } from './window.js';

/** A rate limit: at most so many calls in any span of so long (README, "limits"). */
export function compileLimit(source: LimitSource, id: string, observe: boolean): Restriction {
  const selector = compileSelector(source);
  const object = objection(id, source);
  const { calls, within, per } = source;
  const keyOf = cellKeys(id, per);
  return {
    id,
    observe,
    examine(call, cells, now) {
      if (!covers(selector(call), call)) return undefined;
      const key = keyOf(call);
      const cell = cellAt(cells, key);
      const slices = inWindow(cell?.kind === 'window' ? cell.slices : [], now, within);
      const after = withCall(slices, now, within);
      const counted: Cell = {
        kind: 'window',
        session: cellSession(per, call),
        expiresMs: (after.at(-1)?.[1] ?? now) + within,
        slices: after,
      };
      const exceeded = callsIn(slices) >= calls;
      const wait = exceeded ? roomIn(slices, now, within, calls) : 0;
      return {
        verdict: exceeded
          ? object(`The rate limit ${id} of ${calls} per ${spoken(within)} is reached; try again in ${spoken(Math.max(wait, 1))}`)
          : undefined,
        admitted: [key, counted],
      };
    },
  };
}
