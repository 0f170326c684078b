import { ProxyTracerProvider, type TracerProvider, trace } from '@opentelemetry/api';
import { report } from './errors.js';
import { state } from './global.js';

/** What {@link flush} achieved. */
export interface Flushed {
  /** Whether all evidence recorded so far has been acknowledged; true without an evidence channel. */
  readonly delivered: boolean;
  /** Bytes still waiting. */
  readonly pending: number;
}

/** When the event loop has run empty, delivery may keep the process this long; the spool keeps what is left. */
const LAST_FLUSH_MS = 2000;

/**
 * Ends every open session as `shutdown`, at once and synchronously, children before their parents.
 *
 * @param drained the event loop has run empty: nothing can happen any more
 */
export function shutDownSessions(drained = false): void {
  for (const session of [...state().open].reverse()) session.shutDown(drained);
}

/**
 * Ends the process's own session when nothing is under way in it, and waits until what was recorded is delivered. Never rejects.
 *
 * @param timeoutMs for all of it, in milliseconds
 * @example await flush();
 */
export async function flush(timeoutMs = 10_000): Promise<Flushed> {
  const present = state();
  const deadline = performance.now() + timeoutMs;
  const left = (): number => Math.max(0, deadline - performance.now());
  present.processSession?.shutDownWhenIdle();
  await before(left(), Promise.allSettled([...present.closing]));
  const { evidence, tracerProvider } = present.configuration;
  await before(left(), forceFlush(tracerProvider ?? trace.getTracerProvider()));
  try {
    return (await evidence?.flush(left())) ?? { delivered: true, pending: 0 };
  } catch (error) {
    report('flushing', error);
    return { delivered: false, pending: evidence?.state.pendingBytes ?? 0 };
  }
}

let watching = false;

/**
 * Watches for the end of the process, once. Signals are not watched: who listens to one takes over what it does, and that is the
 * application's to say, or `register`'s.
 */
export function watchExit(): void {
  if (watching) return;
  watching = true;
  let seen = 0;
  process.on('beforeExit', () => {
    // Flushing keeps the loop alive and brings us here again.
    if (seen === state().opened) return;
    seen = state().opened;
    shutDownSessions(true);
    void flush(LAST_FLUSH_MS);
  });
  // Before the evidence channel lets go of its spool file, which it does on the same event.
  process.prependListener('exit', () => shutDownSessions());
}

async function before(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  try {
    await Promise.race([work, timeout]);
  } catch (error) {
    report('flushing', error);
  } finally {
    clearTimeout(timer);
  }
}

async function forceFlush(provider: TracerProvider): Promise<void> {
  const actual = provider instanceof ProxyTracerProvider ? provider.getDelegate() : provider;
  const { forceFlush: flushSpans } = actual as { forceFlush?: () => Promise<void> };
  if (typeof flushSpans === 'function') await flushSpans.call(actual);
}
