import { createHash } from 'node:crypto';
import { type BigIntStats, readdirSync, readFileSync, statSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';

/** A file as the fingerprint names it: relative to the root, with `/`. */
export interface HashedFile {
  readonly path: string;
  readonly sha256: string;
}

/** Files kept in mind; more than an agent's memory or sources usually have. */
const CACHE_LIMIT = 10_000;
/** A file changed again within the file system's tick would look unchanged: what is younger than this is read anew (as in git). */
const SETTLED_NS = 2_000_000_000n;

const cache = new Map<string, { readonly state: string; readonly sha256: string }>();

export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/**
 * Hashes files, and all files below folders, synchronously; sorted as the fingerprint wants them. A path that does not exist holds
 * nothing (a memory not yet written); links to folders are not followed.
 *
 * @param paths relative to `root`, or absolute
 * @throws the file system's error for what exists and cannot be read
 * @example hashFiles(['memory', 'notes.md'], process.cwd())
 */
export function hashFiles(paths: readonly string[], root: string): HashedFile[] {
  const found = new Map<string, string>();
  for (const path of paths) collect(resolve(root, path), root, found);
  return [...found].map(([path, hash]) => ({ path, sha256: hash })).sort((a, b) => (a.path < b.path ? -1 : 1));
}

function collect(path: string, root: string, found: Map<string, string>): void {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (stats === undefined) return;
  if (stats.isDirectory()) {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const below = `${path}${sep}${entry.name}`;
      const isFolder = entry.isSymbolicLink() && statSync(below, { throwIfNoEntry: false })?.isDirectory();
      if (!isFolder) collect(below, root, found);
    }
  } else if (stats.isFile()) {
    found.set(relative(root, path).split(sep).join('/').toWellFormed(), hashOf(path, stats));
  }
}

/** ctime is in the key because no write leaves it as it was and no call sets it back. */
function hashOf(path: string, stats: BigIntStats): string {
  const state = `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`;
  const known = cache.get(path);
  if (known?.state === state) return known.sha256;
  const hash = sha256(readFileSync(path));
  if (BigInt(Date.now()) * 1_000_000n - stats.ctimeNs > SETTLED_NS) {
    if (cache.size >= CACHE_LIMIT) cache.clear();
    cache.set(path, { state, sha256: hash });
  }
  return hash;
}
