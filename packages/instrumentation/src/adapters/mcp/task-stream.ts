import { runAction } from '../../action.js';
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
 * action ends with the message.
 */
export function followed(call: ActionCall<unknown>, start: () => unknown): unknown {
  let stream: unknown;
  const outcome = runAction(call, () => {
    stream = start();
    return new Promise((resolve, reject) => follow(stream as Messages, resolve, (error) => reject(namedError(error, call.signal))));
  });
  // The application learns of errors by the stream.
  outcome.catch(() => undefined);
  return stream;
}

function follow(stream: Messages, resolve: (result: unknown) => void, reject: (error: unknown) => void): void {
  const read = ({ done, value }: Step): void => {
    const message: Message = value ?? {};
    if (message.type === 'result') resolve(message.result);
    else if (message.type === 'error') reject(message.error);
    else if (done) reject(new DOMException('the stream was not read to its result', 'AbortError'));
  };
  for (const name of ['next', 'return', 'throw'] as const) {
    const method = stream[name];
    stream[name] = function (this: unknown, ...args) {
      const step = method.apply(this as Messages, args);
      step.then(read, reject);
      return step;
    };
  }
}
