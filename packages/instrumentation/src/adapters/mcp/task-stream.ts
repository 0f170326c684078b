import { runAction } from '../../action.js';
import { state } from '../../global.js';
import { IdleTimer } from '../../idle.js';
import type { ActionCall } from '../../types.js';
import { namedError } from './errors.js';

interface Message {
  readonly type?: unknown;
  readonly result?: unknown;
  readonly error?: unknown;
}
type Step = IteratorResult<Message>;
type Messages = { -readonly [K in 'next' | 'return' | 'throw']: (...args: unknown[]) => Promise<Step> };

/**
 * Records a call whose outcome is a message of the stream that `start` answers: the application gets that very stream, and the
 * action ends with the message. A call that has to wait, or is refused, is a stream too, whose last message is the refusal.
 */
export function followed(call: ActionCall<unknown>, start: () => unknown): unknown {
  let stream: unknown;
  let begun: () => void = () => undefined;
  const beginning = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const outcome = runAction(call, () => {
    stream = start();
    begun();
    return new Promise((resolve, reject) => follow(stream as Messages, resolve, (error) => reject(namedError(error, call.signal))));
  });
  const settled = Promise.resolve(outcome);
  // The application learns of errors by the stream.
  settled.catch(() => undefined);
  return stream ?? afterwards(settled, beginning, () => stream as AsyncIterable<Message> | undefined);
}

async function* afterwards(outcome: Promise<unknown>, beginning: Promise<void>, stream: () => AsyncIterable<Message> | undefined) {
  await Promise.race([beginning, outcome]);
  const messages = stream();
  if (messages) yield* messages;
  else yield { type: 'result', result: await outcome };
}

/** A stream that nobody reads for the idle limit counts as closed, as every other one does. */
function follow(stream: Messages, resolve: (result: unknown) => void, reject: (error: unknown) => void): void {
  const left = (): void => reject(new DOMException('the stream was not read to its result', 'AbortError'));
  const idle = new IdleTimer(state().configuration.idleMs, left);
  const read = ({ done, value }: Step): void => {
    idle.leave();
    const message: Message = value ?? {};
    if (message.type === 'result') resolve(message.result);
    else if (message.type === 'error') reject(message.error);
    else if (done) left();
    else return;
    idle.stop();
  };
  const failed = (error: unknown): void => {
    idle.stop();
    reject(error);
  };
  for (const name of ['next', 'return', 'throw'] as const) {
    const method = stream[name];
    stream[name] = function (this: unknown, ...args) {
      idle.enter();
      const step = method.apply(this as Messages, args);
      step.then(read, failed);
      return step;
    };
  }
}
