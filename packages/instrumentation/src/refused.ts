import { ActionDenied, type Refusal } from './guard.js';
import type { ActionCall } from './types.js';

/** In the form in which the caller takes a result: whoever awaits a promise is not thrown at. */
export function refused<T>(call: ActionCall<T>, refusal: Refusal): T {
  switch (call.awaited) {
    case 'promise':
      return (async () => told(call, refusal))() as T;
    case 'iterator':
      return (async function* () {
        yield told(call, refusal);
      })() as T;
    case undefined:
      return told(call, refusal) as T;
    default:
      return call.awaited satisfies never;
  }
}

function told<T>(call: ActionCall<T>, refusal: Refusal): Awaited<T> {
  if (call.refused) return call.refused(refusal);
  throw new ActionDenied(refusal);
}
