import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { types } from 'node:util';
import { diag } from '@opentelemetry/api';
import { InstrumentationNodeModuleDefinition, InstrumentationNodeModuleFile } from '@opentelemetry/instrumentation';
import { guarded } from '../errors.js';
import { state } from '../global.js';
import { refuse } from '../say.js';
import { type Adapter, type Exports, isModule, type Target } from './adapter.js';
import { reportArmed, reportFailed } from './arming.js';

/** The adapters in the terms of InstrumentationBase: one definition per package, its main export and its files. */
export function definitionsOf(adapters: readonly Adapter[]): InstrumentationNodeModuleDefinition[] {
  const byPackage = new Map<string, Target[]>();
  for (const target of adapters.flatMap((adapter) => adapter.targets)) {
    byPackage.set(target.packageName, [...(byPackage.get(target.packageName) ?? []), target]);
  }
  return [...byPackage].map(([packageName, targets]) => {
    const versions = [...new Set(targets.flatMap((target) => target.versions))];
    const mains = targets.filter((target) => target.main);
    return new InstrumentationNodeModuleDefinition(
      packageName,
      versions,
      mains.length === 0 ? undefined : (exports: Exports, version?: string) => apply(formOf(mains, exports), exports, version),
      undefined,
      targets.map((target) => {
        const file = join(packageName, target.file);
        // What lies behind a path inside the package is named by its file; with or without the extension, as the hooks go.
        const patch = (exports: Exports, version?: string): Exports => apply(target, exports, version);
        return new InstrumentationNodeModuleFile(file, [...target.versions], patch, () => undefined);
      }),
    );
  });
}

/** The hooks name a main export by its package alone; only for ES modules do they hand over a proxy. */
function formOf(mains: readonly Target[], exports: Exports): Target {
  const form = mains.find((target) => isModule(target) === types.isProxy(exports));
  return form ?? (mains[0] as Target);
}

/**
 * Patches one file that was loaded. Never throws: the application gets the exports as they are when they cannot be patched, or, with
 * CUSTODY_STRICT, does not run.
 */
export function apply(target: Target, exports: Exports, version: string | undefined): Exports {
  const { packageName, file } = target;
  const patched = guarded(`patching ${packageName}`, () => target.patch(exports));
  if (patched !== undefined) {
    reportArmed(packageName, version, file);
    return patched;
  }
  const why = `${packageName} ${version ?? ''}: ${file} has another shape than this package knows: its tools are not recorded`;
  reportFailed(packageName, why);
  diag.error(`agent-custody: ${why}`);
  if (state().configuration.settings.strict) refuse(why);
  return exports;
}

/** The version of the package that a file belongs to, by the package.json above it that names the package. */
export function versionOf(packageName: string, file: string): string | undefined {
  for (let folder = dirname(file); folder.includes(`${sep}node_modules${sep}`); folder = dirname(folder)) {
    const path = join(folder, 'package.json');
    if (!existsSync(path)) continue;
    const described = guarded(
      'reading a package.json',
      () => JSON.parse(readFileSync(path, 'utf8')) as { name?: unknown; version?: unknown },
    );
    if (described?.name === packageName && typeof described.version === 'string') return described.version;
  }
  return undefined;
}
