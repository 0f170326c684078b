import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { LedgerError } from '../ledger/errors.js';
import { type Act, type Ledger, openSqliteLedger } from '../ledger/index.js';
import { defaultLedgerPath } from '../settings/index.js';
import { EXIT } from '../verify/status.js';
import { CommandError, UsageError } from './errors.js';
import { isWrongFile } from './ledger.js';

/** The ledger is in use, or cannot be written. */
export const CANNOT_WRITE = 1;

/** Who does it: `--by`, else the account that runs the command. */
export function actor(by: string | undefined): string {
  if (by !== undefined && by.trim() !== '') return by;
  try {
    return userInfo().username;
  } catch {
    // In a container a uid may have no name.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

/**
 * Opens a ledger that is there for writing, and lets go of it after `work`.
 *
 * @throws UsageError when there is none, CommandError when a collector has it or it cannot be written
 */
export function changeLedger<T>(named: string | undefined, command: string, work: (ledger: Ledger, path: string) => T): T {
  const path = named ?? defaultLedgerPath(process.env);
  if (!existsSync(path)) throw new UsageError(`there is no ledger at ${path}: name it with --ledger PATH`);
  try {
    const ledger = openSqliteLedger(path);
    try {
      return work(ledger, path);
    } finally {
      ledger.close();
    }
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    if (error.code === 'in_use') {
      throw new CommandError(CANNOT_WRITE, `${command}: a collector has the ledger ${path} open: stop it, run this, and start it again`, {
        cause: error,
      });
    }
    throw new CommandError(isWrongFile(error) ? EXIT.usage : CANNOT_WRITE, error.message, { cause: error });
  }
}

/** What goes on record with a removal. */
export function actOf(by: string | undefined, reason: string): Act {
  return { by: actor(by), reason, atMs: Date.now() };
}
