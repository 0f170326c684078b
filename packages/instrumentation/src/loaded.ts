import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Exports, isModule, type Target } from './adapters/adapter.js';
import { apply, versionOf } from './adapters/definitions.js';
import { guarded } from './errors.js';

/**
 * CommonJS files that were required before the instrumentation came. Classes are patched where they are; exported functions only
 * for whoever requires them from now on.
 */
export function patchRequired(targets: readonly Target[]): void {
  const { cache } = createRequire(import.meta.url);
  for (const [file, loaded] of Object.entries(cache)) {
    const target = loaded?.loaded ? targets.find(({ include }) => include.test(pathToFileURL(file).href)) : undefined;
    if (target && loaded) loaded.exports = apply(target, loaded.exports as Exports, versionOf(target.packageName, file));
  }
}

/**
 * ES modules that were imported before: there is no list of them, so those that the application's folder can reach are loaded.
 * That yields the very modules that it has, with their classes; exported functions cannot be replaced any more.
 *
 * @param from folder of the application
 */
export function patchImported(targets: readonly Target[], from: string): void {
  for (const target of targets) {
    const file = target.classesOnly && isModule(target) ? find(join(target.packageName, target.file), from) : undefined;
    if (file === undefined) continue;
    const patch = (exports: Exports): Exports => apply(target, exports, versionOf(target.packageName, file));
    // At once where node can: the application's next line may be the call. A module that cannot be required is imported.
    const loaded = process.features.require_module ? guarded('loading a module', () => createRequire(file)(file) as Exports) : undefined;
    if (loaded) patch(loaded);
    else void import(pathToFileURL(file).href).then(patch, () => undefined);
  }
}

function find(path: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const file = join(folder, 'node_modules', path);
    if (existsSync(file)) return file;
    if (folder === dirname(folder)) return undefined;
  }
}
