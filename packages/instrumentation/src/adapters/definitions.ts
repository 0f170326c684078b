import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { types } from 'node:util';
import { InstrumentationNodeModuleDefinition, InstrumentationNodeModuleFile } from '@opentelemetry/instrumentation';
import { guarded } from '../errors.js';
import { type Adapter, type Exports, isModule, type Target } from './adapter.js';
import { reportArmed, reportToolless, reportUnarmed } from './arming.js';
import { inRange } from './versions.js';

/**
 * The adapters in the terms of InstrumentationBase: one definition per package, its main export and its files. All versions are
 * asked for: of one that no adapter knows it has to be said that it runs unarmed.
 */
export function definitionsOf(adapters: readonly Adapter[]): InstrumentationNodeModuleDefinition[] {
  return [
    ...grouped(
      adapters.flatMap((adapter) => adapter.targets),
      ({ packageName }) => packageName,
    ),
  ].map(([packageName, targets]) => {
    const mains = targets.filter((target) => target.main);
    const patchMain = (exports: Exports, version?: string): Exports => apply(formsOf(mains, exports), exports, version);
    const files = [...grouped(targets, ({ file }) => file)].map(([file, own]) => {
      // What lies behind a path inside the package is named by its file; with or without the extension, as the hooks go.
      const patch = (exports: Exports, version?: string): Exports => apply(own, exports, version);
      return new InstrumentationNodeModuleFile(join(packageName, file), ['*'], patch, () => undefined);
    });
    const patch = mains.length === 0 ? undefined : patchMain;
    const definition = new InstrumentationNodeModuleDefinition(packageName, ['*'], patch, undefined, files);
    return Object.assign(definition, { includePrerelease: true });
  });
}

export function grouped(targets: readonly Target[], keyOf: (target: Target) => string): Map<string, Target[]> {
  const groups = new Map<string, Target[]>();
  for (const target of targets) groups.set(keyOf(target), [...(groups.get(keyOf(target)) ?? []), target]);
  return groups;
}

/** The hooks name a main export by its package alone; for ES modules they hand over a proxy, or, when one is required, itself. */
function formsOf(mains: readonly Target[], exports: Exports): readonly Target[] {
  const module = types.isProxy(exports) || types.isModuleNamespaceObject(exports);
  const forms = mains.filter((target) => isModule(target) === module);
  return forms.length > 0 ? forms : mains.slice(0, 1);
}

/**
 * Patches one file that was loaded, by those of its targets that know the version. Never throws: the application gets the exports
 * as they are when they cannot be patched, or, when that is what `strict` says, does not run.
 */
export function apply(targets: readonly Target[], exports: Exports, version: string | undefined): Exports {
  const [first] = targets;
  if (first === undefined) return exports;
  const { packageName } = first;
  const knowing = version === undefined ? targets : targets.filter(({ versions }) => inRange(version, versions));
  if (knowing.length === 0) {
    reportUnarmed(
      packageName,
      'unknown_version',
      version,
      `known are ${[...new Set(targets.flatMap(({ versions }) => versions))].join(', ')}`,
    );
    return exports;
  }
  return knowing.reduce((seen, target) => {
    if (target.toolless) {
      reportToolless(packageName, version, target.file);
      return seen;
    }
    const patched = guarded(`patching ${packageName}`, () => target.patch(seen));
    if (patched === undefined) reportUnarmed(packageName, 'unknown_shape', version, target.file);
    else reportArmed(packageName, version, target.file);
    return patched ?? seen;
  }, exports);
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
