import { forget } from './recording.js';

/** Runs `fn` as another process would: with nothing of this one's sessions, and none of its frames. */
export function forgetful<T>(fn: () => T): T {
  forget();
  return fn();
}
