import { state } from '../global.js';
import type { Answer, Guard } from '../guard.js';

const GO: Answer = { go: true };

/**
 * Called before an intent is recorded; what it answers waits until the collector has durably taken that intent, within the time that
 * it is given. What was lost since then, kept nowhere or refused by the collector, may be the intent: whoever else flushed meanwhile.
 */
export function acknowledgement(): () => Promise<Answer> {
  const { evidence, settings } = state().configuration;
  if (evidence === undefined)
    return async () => ({ go: false, reason: 'there is no evidence channel on which its intent could be acknowledged' });
  const { lost } = evidence.state;
  return async () => {
    const { delivered } = await evidence.flush(settings.acknowledgeMs);
    return delivered && evidence.state.lost === lost ? GO : { go: false, reason: 'the collector has not taken its intent in time' };
  };
}

/** Where no policy decides: the action is allowed, once the collector has its intent. */
export const ACKNOWLEDGING: Guard = {
  acknowledged: () => true,
  decide: () => ({ decision: 'allow', rule: 'none', wait: acknowledgement() }),
};
