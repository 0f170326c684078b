import type { Position } from '@agent-custody/chain';
import { type Context, createContextKey, propagation } from '@opentelemetry/api';

/** The W3C baggage entry by which a session in another process learns which intent it works for. */
const PARENT_KEY = 'custody.parent';

/** What this process wrote into the baggage of a context: anything else there came from outside. */
const WRITTEN_HERE = createContextKey('agent-custody.instrumentation.v1.parent');

const FORMAT = /^([0-9a-f]{32})-([1-9][0-9]{0,15})-([0-9a-f]{64})$/;

/** `context` with the position of an intent in its baggage, beside whatever the application put there. */
export function withParent(context: Context, { session, seq, hash }: Position): Context {
  const baggage = propagation.getBaggage(context) ?? propagation.createBaggage();
  const value = `${session}-${seq}-${hash}`;
  return propagation.setBaggage(context, baggage.setEntry(PARENT_KEY, { value })).setValue(WRITTEN_HERE, value);
}

/** The position that a caller elsewhere put into the baggage of `context`; undefined when there is none that could be read. */
export function callerOf(context: Context): Position | undefined {
  const value = propagation.getBaggage(context)?.getEntry(PARENT_KEY)?.value;
  if (value === undefined || value === context.getValue(WRITTEN_HERE)) return undefined;
  const [, session, seq, hash] = FORMAT.exec(value) ?? [];
  if (session === undefined || hash === undefined || !Number.isSafeInteger(Number(seq))) return undefined;
  return { session, seq: Number(seq), hash };
}

/** Whether the position in the baggage of `context` is that of the action that the code itself runs in: no caller elsewhere. */
export function isOwnPosition(context: Context): boolean {
  const value = propagation.getBaggage(context)?.getEntry(PARENT_KEY)?.value;
  return value !== undefined && value === context.getValue(WRITTEN_HERE);
}
