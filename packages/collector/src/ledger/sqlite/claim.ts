import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { LedgerError } from '../errors.js';
import { Connection } from './connection.js';

/** Creates the file for its owner alone, and the directories that are missing. @throws LedgerError `cannot_open` */
export function createPrivately(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // Only what is not there: opening and closing a file by ourselves would drop every lock that SQLite holds on it in this process
    // (fcntl locks go with the first descriptor that is closed).
    closeSync(openSync(path, 'wx', 0o600));
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') return;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LedgerError(
      'cannot_open',
      `cannot open the ledger ${path}: ${reason}; name a file in a directory that the collector may write`,
      { cause },
    );
  }
}

/**
 * Claims the ledger for this process. Two collectors on one ledger would each judge half of a chain. The claim is an exclusive
 * lock on a file beside it, held by the operating system: gone with the process, however it dies; and the ledger itself stays
 * open to readers.
 */
export function takeLock(path: string): Connection {
  const lockPath = `${path}.lock`;
  createPrivately(lockPath);
  const lock = new Connection(lockPath);
  try {
    lock.execute('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
    return lock;
  } catch (cause) {
    lock.close();
    throw new LedgerError('in_use', `the ledger ${path} is in use by another collector: stop that one first, or name another ledger`, {
      cause,
    });
  }
}
