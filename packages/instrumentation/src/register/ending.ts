import { flush, shutDownSessions } from '../exit.js';
import { state } from '../global.js';

/** How long what a signal would have killed at once may go on, in ms: what is not delivered then is in the spool. */
const FLUSH_MS = 2000;

/** Ends sessions rightly, and delivers what can be, whichever way the process goes. */
export function watchEndings(): void {
  process.once('beforeExit', () => {
    shutDownSessions(true);
    void flush(FLUSH_MS);
  });
  process.on('uncaughtExceptionMonitor', () => {
    // With a handler of its own the application lives on.
    if (process.listenerCount('uncaughtException') > 0 || process.hasUncaughtExceptionCaptureCallback()) return;
    for (const session of state().open) session.settle('error');
    shutDownSessions();
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) watchSignal(signal);
}

/**
 * Listens only while nobody else does. A second listener beside the application's, or beside those packages that count listeners
 * to decide whether to die, would change what the signal does; they end the process in their own way, and `exit` tells of it.
 */
function watchSignal(signal: 'SIGTERM' | 'SIGINT'): void {
  const others = (): number => process.listenerCount(signal) - (process.listeners(signal).includes(last) ? 1 : 0);
  let dying = false;
  const last = (): void => {
    const die = (): void => {
      // The application went on meanwhile; what it began ends here, and waits in the spool.
      shutDownSessions();
      process.off('removeListener', returned);
      process.off(signal, last);
      process.kill(process.pid, signal);
    };
    // Whoever sends it twice does not want to wait.
    if (dying) {
      die();
      return;
    }
    dying = true;
    shutDownSessions();
    void flush(FLUSH_MS).then(die);
  };
  const came = (event: string | symbol, listener: unknown): void => {
    if (event !== signal || listener === last) return;
    // Not before it is there: with no listener left in between, node stops watching the signal.
    queueMicrotask(() => {
      if (others() > 0) process.off(signal, last);
    });
  };
  const returned = (event: string | symbol, listener: unknown): void => {
    if (event === signal && listener !== last && others() === 0) process.on(signal, last);
  };
  if (others() === 0) process.on(signal, last);
  process.on('newListener', came);
  process.on('removeListener', returned);
}
