import type { Message, Messages } from './types.js';

type Step = Promise<IteratorResult<Message>>;

/** What is told of the messages of a query. None of these may throw. */
export interface MessageListener {
  message(message: Message): void;
  /** `returned`: the application stopped reading. */
  ended(how: 'read' | 'returned' | 'failed'): void;
  /** Somebody waits for a message, or no more. */
  waiting(waits: boolean): void;
}

/** Messages that are looked at ahead for one call; the one that it is in lies a few ahead of the reader at most. */
const LIMIT = 10_000;

/**
 * The messages of a query, seen before the application reads them. The package reads them from its program as they come, and calls
 * hooks as they come; the message that says why a tool is called may still wait for a slow reader by then. So they can be read
 * ahead, as far as there are any; the application gets them in their order, one for each `next`.
 */
export class ReadAhead {
  private readonly listener: MessageListener;
  private readonly next: Messages['next'];
  private readonly ahead: Step[] = [];
  private latest: Step | undefined;
  private over = false;

  constructor(iterator: Messages, listener: MessageListener) {
    this.listener = listener;
    this.next = iterator.next.bind(iterator);
    iterator.next = (...args) => this.ahead.shift() ?? this.pull(args);
    for (const name of ['return', 'throw'] as const) {
      const stop = iterator[name].bind(iterator);
      iterator[name] = async (...args) => {
        try {
          return await stop(...args);
        } finally {
          this.end('returned');
        }
      };
    }
  }

  /** Reads what has come already until `found`. */
  async until(found: () => boolean): Promise<void> {
    for (let read = 0; read < LIMIT && !found() && !this.over; read++) {
      this.latest ??= this.keep();
      const came = await Promise.race([this.latest.then(() => true), moment()]);
      if (!came) return;
    }
  }

  private keep(): Step {
    const step = this.pull([]);
    this.ahead.push(step);
    return step;
  }

  private pull(args: unknown[]): Step {
    this.listener.waiting(true);
    const step = this.next(...args).then(
      (result) => {
        this.settled(step);
        if (result.done) this.end('read');
        else this.listener.message(result.value);
        return result;
      },
      (error: unknown) => {
        this.settled(step);
        this.end('failed');
        throw error;
      },
    );
    // One that was read ahead is handled when the application comes to it.
    step.catch(() => undefined);
    this.latest = step;
    return step;
  }

  private settled(step: Step): void {
    if (this.latest === step) this.latest = undefined;
    this.listener.waiting(false);
  }

  private end(how: 'read' | 'returned' | 'failed'): void {
    if (!this.over) this.listener.ended(how);
    this.over = true;
  }
}

/** Long enough for everything that lies ready to be handed over. */
function moment(): Promise<false> {
  return new Promise((resolve) => setImmediate(() => setImmediate(() => resolve(false))));
}
