import { type Call, cellKeys } from '../call.js';
import { lookUp, pointerTokens } from '../pointer.js';
import type { BudgetSource } from '../schema.js';
import { compileSelector, covers } from '../selector.js';
import { cellAt } from '../table.js';
import type { Cell } from '../types.js';
import { type Examination, objection, RETENTION_MS, type Restriction } from './restriction.js';

/** Sums of fractions are a little off: three times 0.1 is no more than 0.3. */
const ROUNDING = 1 + 1e-12;

/** A budget of a session: so many calls, or so much of what an argument adds up to (README, "budgets"). */
export function compileBudget(source: BudgetSource, id: string, observe: boolean): Restriction {
  const selector = compileSelector(source);
  const object = objection(id, source);
  const amountOf = source.sum === undefined ? () => 1 : argumentReader(source.sum.argument);
  const most = source.sum?.at_most ?? source.calls ?? 0;
  const what = source.sum === undefined ? `${most} calls` : `${most}, summed over the argument ${source.sum.argument},`;
  const keyOf = cellKeys(id, source.per);
  const examine = (call: Call, cells: Parameters<Restriction['examine']>[1], now: number): Examination => {
    const amount = amountOf(call) ?? (call.lenient ? 0 : undefined);
    if (amount === undefined) return { verdict: object(`The budget ${id} cannot be told: its argument is missing or no amount`) };
    const key = keyOf(call);
    const cell = cellAt(cells, key);
    const used = cell?.kind === 'budget' ? cell.used : 0;
    // A sum with 1e20 forgets what was used before, and a human who denies that call would give back all of it.
    const counted = Math.min(amount, most * 4);
    const spent: Cell = { kind: 'budget', session: call.action.session, expiresMs: now + RETENTION_MS, used: used + counted };
    return {
      verdict:
        used + amount > most * ROUNDING ? object(`The budget ${id} of ${what} for this session does not cover this call`) : undefined,
      admitted: [key, spent],
      entry: { rule: id, key, amount: counted },
    };
  };
  return {
    id,
    observe,
    examine: (call, cells, now) => (covers(selector(call), call) ? examine(call, cells, now) : undefined),
    // What never ran has cost nothing.
    settle: (cell, { amount = 0 }, status) =>
      status === 'denied' && cell.kind === 'budget' ? { ...cell, used: Math.max(0, cell.used - amount) } : cell,
  };
}

/** A negative amount would fill the budget up again. */
function argumentReader(pointer: string): (call: Call) => number | undefined {
  const tokens = pointerTokens(pointer) ?? [];
  return ({ action, readable }) => {
    const value = readable ? lookUp(action.arguments, tokens) : undefined;
    return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
  };
}
