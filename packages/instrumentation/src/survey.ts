import { readFileSync, statSync } from 'node:fs';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Adapter } from './adapters/adapter.js';
import { isArmed, reportUnarmed, statusesOf } from './adapters/arming.js';
import { versionOf } from './adapters/definitions.js';
import { guarded } from './errors.js';
import { matching } from './loaded.js';
import { withScripts } from './scripts.js';

const FOLDER = `${sep}node_modules${sep}`;
/** A file over this is no JavaScript that anyone starts. */
const LIMIT = 64 * 1024 * 1024;

/**
 * Finds frameworks that are in the process and have not come through a hook: files of theirs that no patch was applied to, and the
 * text of theirs in files of the application's own, which are bundles.
 *
 * @param hidden why ES modules are out of the hooks' reach altogether
 */
export function survey(adapters: readonly Adapter[], hidden?: 'foreign_loader' | 'no_loader'): void {
  const targets = adapters.flatMap((adapter) => adapter.targets);
  withScripts((scripts) => {
    for (const script of scripts) {
      if (!script.path.includes(FOLDER)) {
        for (const adapter of adapters) if (adapter.marks && script.matches(adapter.marks)) reportBundled(adapter, script.path);
        continue;
      }
      for (const { packageName, file } of matching(targets, script.path)) {
        const version = versionOf(packageName, script.path);
        const known = statusesOf(packageName).some((one) => one.state === 'unarmed' && one.version === version);
        if (known || isArmed(packageName, version, file)) continue;
        reportUnarmed(packageName, (script.isModule && hidden) || 'loaded_before', version, file);
      }
    }
  });
}

/** The file that the process is about to run, which no hook is asked about: when it is a bundle, it is known before it runs. */
export function surveyMain(adapters: readonly Adapter[], path: string | undefined): void {
  if (path === undefined || path.includes(FOLDER)) return;
  const text = guarded('reading the main file', () => (statSync(path).size < LIMIT ? readFileSync(path, 'utf8') : undefined));
  if (text === undefined) return;
  for (const adapter of adapters) if (adapter.marks?.every((mark) => mark.test(text))) reportBundled(adapter, path);
}

function reportBundled({ targets }: Adapter, path: string): void {
  const [first] = targets;
  if (first && !own(path)) reportUnarmed(first.packageName, 'bundled', undefined, path);
}

/** This package's own files are not the application's. */
function own(path: string): boolean {
  return guarded('looking at a path', () => path.startsWith(fileURLToPath(new URL('.', import.meta.url)))) ?? false;
}
