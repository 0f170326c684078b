import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { Exports, Target } from './adapters/adapter.js';
import { isArmed, reportUnarmed } from './adapters/arming.js';
import { apply, versionOf } from './adapters/definitions.js';
import { guarded } from './errors.js';
import { type Script, withScripts } from './scripts.js';

/** What was loaded before the instrumentation came: patched as far as that is possible, and said where it is not. */
export function patchLoaded(targets: readonly Target[]): void {
  patchRequired(targets);
  withScripts((scripts) => patchImported(targets, scripts));
}

/**
 * CommonJS. Classes are patched where they are; exported functions only for whoever requires them from now on, and who has them
 * already keeps what he has.
 */
function patchRequired(targets: readonly Target[]): void {
  const { cache } = createRequire(process.execPath);
  for (const [file, loaded] of Object.entries(cache)) {
    const own = loaded?.loaded ? matching(targets, file) : [];
    const [first] = own;
    const version = first && versionOf(first.packageName, file);
    if (loaded === undefined || first === undefined || isArmed(first.packageName, version, first.file)) continue;
    if (!own.every(({ classesOnly }) => classesOnly)) reportUnarmed(first.packageName, 'loaded_before', version, first.file);
    loaded.exports = apply(own, loaded.exports as Exports, version);
  }
}

/** ES modules. Importing one again yields the very module, with its classes; exported functions cannot be replaced any more. */
function patchImported(targets: readonly Target[], scripts: readonly Script[]): void {
  for (const { path, url, isModule } of scripts) {
    const own = isModule ? matching(targets, path) : [];
    const [first] = own;
    const version = first && versionOf(first.packageName, path);
    if (first === undefined || isArmed(first.packageName, version, first.file)) continue;
    const patchable = own.filter(({ classesOnly }) => classesOnly);
    if (patchable.length < own.length) reportUnarmed(first.packageName, 'loaded_before', version, first.file);
    else reach(path, url, (exports) => apply(patchable, exports, version));
  }
}

/** At once where node can: the application's next line may be the call. */
function reach(path: string, url: string, patch: (exports: Exports) => void): void {
  const required =
    process.features.require_module && !url.includes('?')
      ? guarded('loading a module', () => createRequire(path)(path) as Exports)
      : undefined;
  if (required) patch(required);
  else void import(url).then(patch, () => undefined);
}

/** Which targets a file is for, of those that a framework is not armed without. */
export function matching(targets: readonly Target[], path: string): Target[] {
  const { href } = pathToFileURL(path);
  return targets.filter(({ include, supplement = false }) => !supplement && include.test(href));
}
