import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Application } from './reachable.js';

/** Where an application's bundles are, as far as they are built. */
export interface Bundles {
  readonly files: readonly string[];
  /** A bundler's work that has not been done yet: what it will put into its bundles cannot be known. */
  readonly unbuilt: string | undefined;
}

/**
 * Files that a bundler made of the application: those of the folders that are named, and of Next, which bundles what its routes
 * import, those that its server runs.
 */
export function bundlesOf({ root, isNext }: Application, named: readonly string[]): Bundles {
  const next = isNext && named.length === 0 ? [join(root, '.next', 'server')] : [];
  const folders = [...named, ...next];
  const unbuilt = next.some((folder) => !existsSync(folder))
    ? 'Next may bundle it: run next build, and then this again (--bundle FOLDER where distDir is not .next)'
    : undefined;
  return { files: folders.filter((folder) => existsSync(folder)).flatMap(scriptsIn), unbuilt };
}

function scriptsIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.[cm]?js$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}
