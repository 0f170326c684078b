import { recordDecision } from '../../action.js';
import { guarded } from '../../errors.js';
import type { ActionCall } from '../../types.js';
import { patchesEnabled } from '../arming.js';
import { recordDenied } from '../denied.js';
import type { Dispatched, ToolUse } from './types.js';

/** Where calls of a managed session wait for a confirmation, from 0.111: those that the runner then runs were confirmed. */
export function confirmationsOf({ evaluated_permission: permission }: Partial<ToolUse>): ActionCall<unknown>['approvals'] {
  return permission === undefined || permission === 'allow' ? [] : [{ decision: 'approved' }];
}

type Iterate = (this: unknown) => AsyncGenerator<unknown>;

/** What a runner of a managed session yields: of a call that somebody denied this is all that is seen. */
export function observedDispatches(original: Iterate): Iterate {
  return function () {
    const generator = Reflect.apply(original, this, []);
    if (!patchesEnabled()) return generator;
    const next = generator.next.bind(generator);
    generator.next = async (...args) => {
      const result = await next(...args);
      if (!result.done) guarded('looking at a dispatched call', () => dispatched(result.value as Dispatched));
      return result;
    };
    return generator;
  };
}

/** What the server denied by itself nobody was asked about. */
function dispatched({ event, confirmation }: Dispatched): void {
  if (confirmation !== 'deny' || event?.evaluated_permission === 'deny' || typeof event?.id !== 'string') return;
  const { id, name, input } = event;
  recordDenied(() => ({ tool: { name, type: 'function', callId: id }, arguments: input }));
}

/** Calls of toolsets that nobody let run: their result is an error like any other. */
const declined = new WeakSet<object>();

/** Of the try that has just failed: the call may be tried again, and be let then. */
export function wasDeclined(toolUse: object): boolean {
  return declined.delete(toolUse);
}

export type Confirm = (
  confirm: unknown,
  context: unknown,
  call?: { readonly ctx?: { readonly toolUse?: Partial<ToolUse> } },
) => Promise<void>;

/** What asks the application whether a member of a toolset may run: it returns when it may. */
export function observedConfirm(original: Confirm): Confirm {
  return async (confirm, context, call) => {
    const { toolUse } = call?.ctx ?? {};
    try {
      await original(confirm, context, call);
    } catch (error) {
      if (toolUse) declined.add(toolUse);
      // Whoever was to be asked may also have failed to answer.
      if (error instanceof Error && error.constructor.name === 'ConfirmDeclinedError') decided('denied', toolUse);
      throw error;
    }
    // It may have been declined where nobody was to see it run.
    if (toolUse) declined.delete(toolUse);
    decided('approved', toolUse);
  };
}

function decided(decision: 'approved' | 'denied', { id }: Partial<ToolUse> = {}): void {
  if (patchesEnabled() && id !== undefined) guarded('recording an approval', () => recordDecision(decision, id));
}
