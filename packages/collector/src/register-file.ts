import { closeSync, fsyncSync, openSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ChainError, parseRegister, type Register } from '@agent-custody/chain';

/** What {@link RegisterFileError} can mean. */
export type RegisterFileErrorCode =
  | 'not_found' // there is no such file
  | 'unreadable' // it cannot be read, or is no JSON
  | 'invalid' // JSON, but no register
  | 'locked' // another approve is writing it
  | 'unwritable'; // it cannot be written

/** The register of approved states cannot be used; the message names the file, what is wrong, and what to do. */
export class RegisterFileError extends Error {
  override readonly name = 'RegisterFileError';
  readonly code: RegisterFileErrorCode;

  constructor(code: RegisterFileErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Reads and checks a register file.
 *
 * @throws RegisterFileError `not_found`, `unreadable`, `invalid`
 */
export function readRegister(path: string): Register {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new RegisterFileError(
        'not_found',
        `${path}: there is no such register; \`agent-custody approve\` creates it with its first entry`,
        { cause: error },
      );
    }
    throw new RegisterFileError('unreadable', `${path}: the register cannot be read: ${(error as Error).message}`, { cause: error });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new RegisterFileError('unreadable', `${path}: the register is no JSON: ${(error as Error).message}`, { cause: error });
  }
  try {
    return parseRegister(value);
  } catch (error) {
    if (error instanceof ChainError) throw new RegisterFileError('invalid', `${path}: ${error.message}`, { cause: error });
    throw error;
  }
}

/**
 * Changes a register file: reads it (none yet is an empty one), hands it to `change`, and puts the answer in its place in one
 * step, so that a reader or a crash sees the old register or the new one, never half of either. A lock file keeps a second writer
 * out: of two approvals at one time neither may be lost.
 *
 * @param change answers with the new register; with the one that it was given the file is left alone
 * @returns what `change` answered, once it is on disk
 * @throws RegisterFileError and whatever `change` throws; the file is then as it was
 */
export function changeRegister<T extends { readonly register: Register }>(path: string, change: (register: Register) => T): T {
  const target = resolved(path);
  const lock = `${target}.lock`;
  const held = open(lock, 'wx', (error) =>
    error.code === 'EEXIST'
      ? new RegisterFileError('locked', `${path}: another \`approve\` is writing it; if none is running, remove ${lock}`, { cause: error })
      : new RegisterFileError('unwritable', `${path}: cannot be written: ${error.message}`, { cause: error }),
  );
  try {
    const before = existing(path);
    const answer = change(before);
    if (answer.register !== before) replace(target, `${JSON.stringify(answer.register, null, 2)}\n`);
    return answer;
  } finally {
    closeSync(held);
    rmSync(lock, { force: true });
  }
}

function existing(path: string): Register {
  try {
    return readRegister(path);
  } catch (error) {
    if (error instanceof RegisterFileError && error.code === 'not_found') return { version: 1, entries: [] };
    throw error;
  }
}

/** A link is followed: renaming over it would leave the file that it names as it was. */
function resolved(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function replace(target: string, text: string): void {
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.new`);
  const mode = statSync(target, { throwIfNoEntry: false })?.mode ?? 0o644;
  try {
    const file = openSync(temporary, 'w', mode & 0o777);
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, target);
    syncDirectory(dirname(target));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new RegisterFileError('unwritable', `${target}: cannot be written: ${(error as Error).message}`, { cause: error });
  }
}

/** The rename itself must survive a power cut. Where directories cannot be synced (Windows), the file system sees to it. */
function syncDirectory(path: string): void {
  if (process.platform === 'win32') return;
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function open(path: string, flags: string, failure: (error: NodeJS.ErrnoException) => RegisterFileError): number {
  try {
    return openSync(path, flags, 0o644);
  } catch (error) {
    throw failure(error as NodeJS.ErrnoException);
  }
}

/** Notices that a register file has changed. Polled: notifications do not cross network file systems and mounted ConfigMaps. */
export class RegisterWatch {
  private seen: string;

  constructor(private readonly path: string) {
    this.seen = version(path);
  }

  /** Whether the file differs from when this was last asked. */
  changed(): boolean {
    const now = version(this.path);
    if (now === this.seen) return false;
    this.seen = now;
    return true;
  }

  /** Has the next {@link changed} say so whatever the file is then. */
  again(): void {
    this.seen = '';
  }
}

function version(path: string): string {
  try {
    const { ino, size, mtimeNs } = statSync(path, { bigint: true });
    return `${ino}:${size}:${mtimeNs}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unreadable';
  }
}
