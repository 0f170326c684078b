import type { Position } from '@agent-custody/chain';
import { type Context, propagation } from '@opentelemetry/api';

/** The W3C baggage entry by which a session in another process learns which intent it works for. */
const PARENT_KEY = 'custody.parent';

const FORMAT = /^([0-9a-f]{32})-([1-9][0-9]{0,15})-([0-9a-f]{64})$/;

/** `context` with the position of an intent in its baggage, beside whatever the application put there. */
export function withParent(context: Context, { session, seq, hash }: Position): Context {
  const baggage = propagation.getBaggage(context) ?? propagation.createBaggage();
  return propagation.setBaggage(context, baggage.setEntry(PARENT_KEY, { value: `${session}-${seq}-${hash}` }));
}

/** The position named by the baggage of `context`; undefined when there is none, or one that nobody of ours wrote. */
export function parentOf(context: Context): Position | undefined {
  const [, session, seq, hash] = FORMAT.exec(propagation.getBaggage(context)?.getEntry(PARENT_KEY)?.value ?? '') ?? [];
  if (session === undefined || hash === undefined || !Number.isSafeInteger(Number(seq))) return undefined;
  return { session, seq: Number(seq), hash };
}
