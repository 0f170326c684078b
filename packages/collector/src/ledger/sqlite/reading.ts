import { statSync } from 'node:fs';
import { LedgerError } from '../errors.js';
import { Connection } from './connection.js';
import { versionOf } from './schema.js';

/**
 * To read a file beside its writer SQLite wants to write too: locks, next to it. A copy on a medium, or in a folder, that may only be
 * read is opened as one that nobody writes, as long as no log says that somebody does.
 *
 * @returns the connection, and the schema version of the file
 * @throws LedgerError `cannot_open`, `not_a_ledger`, `newer_version`, `corrupt`, `unavailable`
 */
export function openForReading(path: string): { readonly connection: Connection; readonly version: number } {
  const connection = new Connection(path);
  try {
    return { connection, version: versionOf(connection) };
  } catch (error) {
    connection.close();
    const denied = error instanceof LedgerError && error.code === 'unavailable' && sizeOf(`${path}-wal`) === 0;
    if (!denied) throw error;
    const copy = new Connection(path, { immutable: true });
    return { connection: copy, version: versionOf(copy) };
  }
}

/** Bytes; 0 for a file that is not there. */
export function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
