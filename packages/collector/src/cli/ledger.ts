import { existsSync } from 'node:fs';
import { LedgerError } from '../ledger/errors.js';
import { type Ledger, readSqliteLedger } from '../ledger/index.js';
import { defaultLedgerPath } from '../settings/index.js';
import { EXIT } from '../verify/status.js';
import { CommandError, UsageError } from './errors.js';

/**
 * Opens the ledger that the settings name for reading, also while a collector writes it, and lets go of it after `work`.
 *
 * @param otherwise what else the user could have named, for the message when there is no ledger
 * @throws UsageError when there is none, LedgerError when it is none, CommandError when it cannot be read to its end
 */
export function withLedger<T>(named: string | undefined, otherwise: string, work: (ledger: Ledger) => T): T {
  const path = named ?? defaultLedgerPath(process.env);
  if (!existsSync(path)) throw new UsageError(`there is no ledger at ${path}: name it with --ledger PATH, or ${otherwise}`);
  const ledger = openToRead(path);
  try {
    return work(ledger);
  } catch (error) {
    if (error instanceof LedgerError) throw new CommandError(EXIT.incomplete, error.message, { cause: error });
    throw error;
  } finally {
    ledger.close();
  }
}

/** @throws LedgerError when another file should have been named, CommandError when this one cannot be read */
export function openToRead(path: string): Ledger {
  try {
    return readSqliteLedger(path);
  } catch (error) {
    if (error instanceof LedgerError && !isWrongFile(error)) throw new CommandError(EXIT.incomplete, error.message, { cause: error });
    throw error;
  }
}

/** Whether what is wrong is the path that was named, and not what is there. */
export function isWrongFile({ code }: LedgerError): boolean {
  return code === 'cannot_open' || code === 'not_a_ledger' || code === 'newer_version';
}
