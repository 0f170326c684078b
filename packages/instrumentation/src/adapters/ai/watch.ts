import { guarded } from '../../errors.js';
import type { Hold, SessionOutcome } from '../../types.js';
import type { RunCalls } from './calls.js';
import { passThrough } from './stream.js';
import type { Part } from './types.js';

/** What the framework's result streams carry: `abort` and `error` among the parts. */
interface Chunk {
  readonly part?: Part;
}

/**
 * Watches the stream that all the views of a result (textStream, fullStream, responses) are teed from, and lets go of the session
 * when it is over. Unlike the callbacks it tells of every end, with none of the application's replaced or added: read to the end,
 * aborted (an `abort` part), failed (an `error` part, the only place where a provider's error shows), cancelled.
 */
export function watchStream(result: unknown, hold: Hold, calls: RunCalls, signal: unknown): void {
  const holder = result as { baseStream?: unknown };
  if (!(holder.baseStream instanceof ReadableStream) || holder.baseStream.locked) {
    calls.over();
    hold.release();
    return;
  }
  const end = new StreamEnd(hold, calls, signal instanceof AbortSignal ? signal : undefined);
  let outcome: SessionOutcome = 'completed';
  holder.baseStream = passThrough(holder.baseStream as ReadableStream<Chunk>, {
    asked: () => end.wait(true),
    value({ part }) {
      end.wait(false);
      if (part === undefined) return;
      guarded('looking at what was run', () => calls.part(part));
      outcome = outcomeOf(part, outcome);
    },
    closed: (how) => end.reached(how === 'done' ? outcome : how),
  });
  uncollected.register(holder, end, end);
}

/**
 * For ai 7's stream that keeps nothing (`experimental_streamTextLowMemory`), whose result gives no way to what it is made from: the
 * parts pass a transform of its own, behind those of the application.
 */
export class PassingParts {
  private end: StreamEnd | undefined;

  /** Answers the options with the transform. */
  tapped<O extends object>(options: O, hold: Hold, calls: RunCalls, signal: unknown): O {
    const end = new StreamEnd(hold, calls, signal instanceof AbortSignal ? signal : undefined);
    this.end = end;
    // Whether anybody waits for a part is not to be seen here.
    end.wait(true);
    const { experimental_transform: own = [] } = options as { experimental_transform?: unknown };
    return { ...options, experimental_transform: [own, () => passing(end, calls)].flat() };
  }

  /** Whether the result is watched. */
  follows(result: object): boolean {
    if (this.end) uncollected.register(result, this.end, this.end);
    return this.end !== undefined;
  }
}

function passing(end: StreamEnd, calls: RunCalls): TransformStream<Part, Part> {
  let outcome: SessionOutcome = 'completed';
  const transformer = {
    transform(part: Part, controller: TransformStreamDefaultController<Part>): void {
      guarded('looking at what was run', () => calls.part(part));
      outcome = outcomeOf(part, outcome);
      controller.enqueue(part);
    },
    flush: (): void => end.reached(outcome),
    // Of Node 21.5 and later, which the types do not have yet.
    cancel: (): void => end.reached('cancelled'),
  };
  return new TransformStream(transformer);
}

function outcomeOf({ type }: Part, before: SessionOutcome): SessionOutcome {
  if (type === 'abort') return 'cancelled';
  return type === 'error' && before === 'completed' ? 'error' : before;
}

/**
 * For a result that nobody reads to its end (a loop left with `break`, a stalled reader, a result never looked at): no callback of
 * the framework's tells of these; that it is garbage does. One that is kept unread ends by the hold's idle limit.
 */
const uncollected = new FinalizationRegistry<StreamEnd>((end) => end.reached('abandoned'));

/** How often a reader who waits is told of, in ms: far under any sensible idle limit. */
const WAITING_MS = 15_000;

/** Lets go of the session once. Knows nothing of the result, which could not be collected otherwise. */
class StreamEnd {
  private readonly hold: Hold;
  private readonly calls: RunCalls;
  private readonly signal: AbortSignal | undefined;
  private readonly timer: NodeJS.Timeout;
  private open = true;
  private awaited = false;

  constructor(hold: Hold, calls: RunCalls, signal: AbortSignal | undefined) {
    this.hold = hold;
    this.calls = calls;
    this.signal = signal;
    // Whoever aborts seldom reads on, and then the framework's `abort` part is never pulled.
    signal?.addEventListener('abort', this.aborted, { once: true });
    // A reader who waits for a tool that takes an hour has not left.
    this.timer = setInterval(() => this.awaited && this.hold.touch(), WAITING_MS);
    this.timer.unref();
  }

  wait(awaited: boolean): void {
    this.awaited = awaited;
    guarded('reading a stream', () => this.hold.touch());
  }

  readonly aborted = (): void => this.reached('cancelled');

  reached(outcome: SessionOutcome): void {
    if (!this.open) return;
    this.open = false;
    clearInterval(this.timer);
    this.signal?.removeEventListener('abort', this.aborted);
    uncollected.unregister(this);
    const release = (): void => {
      guarded('ending a run', () => this.calls.over());
      guarded('ending a stream', () => this.hold.release(outcome));
    };
    // A tool that was asked for before an abort may begin only now: it belongs to this session still.
    if (outcome === 'cancelled') setImmediate(release);
    else release();
  }
}
