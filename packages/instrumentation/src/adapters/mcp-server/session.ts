import { type Context, context } from '@opentelemetry/api';
import { callerOf } from '../../baggage.js';
import { runInSession } from '../../session.js';
import { runOptions } from '../arming.js';
import type { DescribedRequest } from './request.js';

/** Runs `fn` in a session of its own, child of the intent that `from` names; where it names none, in whatever session there is. */
export function inCallersSession<T>(from: Context | undefined, { conversationId }: DescribedRequest, fn: () => T): T {
  if (from === undefined) return fn();
  return context.with(from, () => {
    if (callerOf(from) === undefined) return fn();
    // Not the one that the server was started in: the caller is nearer.
    return runInSession({ ...runOptions(), conversationId, automatic: 'child' }, fn);
  });
}
