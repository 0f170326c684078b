import { z } from 'zod';
import { PolicyError } from './errors.js';
import { EMPTY_TABLE, MAX_CELLS, tableOf, withoutCells } from './table.js';
import type { Cell, PolicyState } from './types.js';

/** What decisions start from: nothing has happened yet. */
export function createState(): PolicyState {
  return { version: 1, cells: EMPTY_TABLE };
}

const time = z.number().min(0);
const count = z.int().min(0);
const common = { session: z.string().nullable(), expiresMs: time };
const cellSchema: z.ZodType<Cell> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('window'), ...common, slices: z.array(z.tuple([time, time, count])).max(100) }),
  z.strictObject({ kind: z.literal('budget'), ...common, used: z.number().min(0) }),
  z.strictObject({ kind: z.literal('marks'), ...common, counts: z.array(count).max(20) }),
  z.strictObject({
    kind: z.literal('breaker'),
    ...common,
    openedMs: time.nullable(),
    trials: count,
    trialMs: time,
    evidence: z.strictObject({ count, text: z.string().max(512), recent: z.array(z.tuple([z.string().max(512), time])).max(1024) }),
  }),
]);
const stateSchema = z.strictObject({
  version: z.literal(1),
  cells: z.strictObject({ size: count, buckets: z.array(z.array(z.tuple([z.string().max(4096), cellSchema]))) }),
});

/**
 * Reads back a state that was saved as JSON.
 *
 * @param value what JSON.parse made of it
 * @throws PolicyError `invalid_state`: to go on with a new state would forgive every budget, so that is the caller's to decide
 * @example const state = restoreState(JSON.parse(text));
 */
export function restoreState(value: unknown): PolicyState {
  const result = stateSchema.safeParse(value);
  if (!result.success) {
    throw new PolicyError('invalid_state', `the saved state of the policy cannot be read: ${z.prettifyError(result.error)}`, {
      cause: result.error,
    });
  }
  const cells = tableOf(result.data.cells.buckets.flat());
  if (cells.size > MAX_CELLS) throw new PolicyError('invalid_state', `the saved state of the policy holds more than ${MAX_CELLS} cells`);
  return { version: 1, cells };
}

/** Lets go of what a session has used up. For sessions that have ended: one that goes on would begin anew. */
export function forgetSession(state: PolicyState, session: string): PolicyState {
  return { version: 1, cells: withoutCells(state.cells, (cell) => cell.session === session) };
}
