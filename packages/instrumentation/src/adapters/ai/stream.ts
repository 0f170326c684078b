/** What is told of a stream that passes through. None of these may throw. */
export interface StreamWatcher<T> {
  /** Somebody waits for the next value. */
  asked?(): void;
  value(value: T): void;
  /** Once: it was read to its end, failed, or was cancelled. */
  closed(how: 'done' | 'error' | 'cancelled'): void;
}

/**
 * The same stream, watched: the same values, end, error and cancellation, and nothing is pulled before the reader asks for it
 * (high water mark 0), so that a stream nobody reads costs the provider nothing more than before.
 */
export function passThrough<T>(source: ReadableStream<T>, watcher: StreamWatcher<T>): ReadableStream<T> {
  const reader = source.getReader();
  let open = true;
  const close = (how: 'done' | 'error' | 'cancelled'): void => {
    if (open) watcher.closed(how);
    open = false;
  };
  return new ReadableStream<T>(
    {
      async pull(controller) {
        watcher.asked?.();
        try {
          const next = await reader.read();
          if (next.done) {
            close('done');
            controller.close();
          } else {
            watcher.value(next.value);
            controller.enqueue(next.value);
          }
        } catch (error) {
          close('error');
          controller.error(error);
        }
      },
      cancel(reason) {
        close('cancelled');
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
