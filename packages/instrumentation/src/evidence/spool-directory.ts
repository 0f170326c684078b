import { chmodSync, lstatSync, mkdirSync, type Stats } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { EvidenceError, hasCode } from './errors.js';

/**
 * `agent-custody/spool` in the user's state directory (XDG Base Directory Specification: `$XDG_STATE_HOME` when it is absolute,
 * else `~/.local/state`).
 */
export function defaultSpoolDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const state = environment['XDG_STATE_HOME'];
  const base = state !== undefined && isAbsolute(state) ? state : join(homedir(), '.local', 'state');
  return join(base, 'agent-custody', 'spool');
}

/**
 * Makes sure that there is a directory which nobody else can read or write, and answers its absolute path. One that others can
 * enter or that belongs to someone else (a mounted volume, mostly) is left as it is: a private directory inside it is used.
 *
 * @throws EvidenceError `spool_unusable`
 */
export function privateDirectory(path: string): string {
  const directory = resolve(path);
  try {
    if (isPrivate(makeDirectory(directory))) return directory;
    const inner = join(directory, `private-${process.geteuid?.() ?? 'user'}`);
    const stats = makeDirectory(inner);
    if (!isOurs(stats))
      throw new EvidenceError('spool_unusable', `${inner} belongs to another user: remove it, or name another spool directory`);
    if (!isPrivate(stats)) chmodSync(inner, 0o700);
    return inner;
  } catch (error) {
    if (error instanceof EvidenceError) throw error;
    throw new EvidenceError('spool_unusable', `spool directory ${directory}: ${describe(error)}; make it writable or name another one`, {
      cause: error,
    });
  }
}

function makeDirectory(path: string): Stats {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const stats = lstatSync(path);
  // A link that someone else put there would have the evidence written to a place of their choice.
  if (stats.isSymbolicLink())
    throw new EvidenceError('spool_unusable', `spool directory ${path} is a symbolic link: name the directory that it points to`);
  return stats;
}

function isPrivate(stats: Stats): boolean {
  return isOurs(stats) && (process.platform === 'win32' || (stats.mode & 0o077) === 0);
}

/** Whether a file or directory belongs to the user that this process acts as. */
export function isOurs(stats: Stats): boolean {
  return process.geteuid === undefined || stats.uid === process.geteuid();
}

function describe(error: unknown): string {
  if (hasCode(error, 'EEXIST') || hasCode(error, 'ENOTDIR')) return 'there is a file of that name, or on the way to it';
  if (hasCode(error, 'EACCES') || hasCode(error, 'EPERM')) return 'no permission';
  if (hasCode(error, 'EROFS')) return 'the file system is read-only';
  return error instanceof Error ? error.message : String(error);
}
