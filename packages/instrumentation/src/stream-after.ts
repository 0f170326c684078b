import { IdleTimer } from './idle.js';

/** What a stream waits for before it begins. */
interface Waits<R> {
  permission(): Promise<R>;
  /** Nobody reads it, or whoever read it has left: it will never begin. */
  abandon(): void;
}

/**
 * A stream that asks when somebody begins to read it, and begins right after the answer: nothing can change in between. Where the
 * reader leaves while it waits it never begins, and neither does one that nobody reads.
 *
 * @param begin what is read once the answer is there
 * @param idleMs how long nobody may read it
 */
export function streamAfter<R>(waits: Waits<R>, begin: (answer: R) => AsyncIterable<unknown>, idleMs: number): AsyncGenerator<unknown> {
  let left = false;
  let begun = false;
  const leave = (): void => {
    idle.stop();
    left = true;
    if (!begun) waits.abandon();
  };
  const idle = new IdleTimer(idleMs, leave);
  const stream = (async function* () {
    idle.stop();
    if (left) return;
    const answer = await waits.permission();
    if (left) return;
    begun = true;
    yield* begin(answer);
  })();
  // A generator's own would wait for the first value: the tool would have begun for nobody.
  const { return: end, throw: fail } = stream;
  stream.return = (value) => {
    leave();
    return end.call(stream, value);
  };
  stream.throw = (error) => {
    leave();
    return fail.call(stream, error);
  };
  return stream;
}
