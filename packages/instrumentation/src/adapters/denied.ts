import { runAction } from '../action.js';
import { guarded } from '../errors.js';
import type { ActionCall } from '../types.js';

/**
 * Puts a call on record that a human denied in the framework's own approval flow: intent, approval, and an outcome that never ran.
 * Who denied it frameworks do not say, and the model they tell themselves. Never throws.
 *
 * @example recordDenied(() => ({ tool: { name, callId }, arguments: input, session: run.session }))
 */
export function recordDenied(describe: () => ActionCall<unknown>): void {
  guarded('recording an approval', () => {
    const call = { ...describe(), approvals: [{ decision: 'denied' as const }], refused: () => undefined };
    void runAction<unknown>(call, () => undefined);
  });
}
