import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join } from 'node:path';

interface Manifest {
  readonly name?: string;
  readonly type?: string;
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** What an application can come to load, by what is declared and installed. */
export interface Application {
  readonly file: string;
  readonly isModule: boolean;
  /** Versions of each package that is reached from it, its own dependencies' dependencies included. */
  readonly packages: ReadonlyMap<string, ReadonlySet<string>>;
}

/**
 * Reads manifests and the application's own file, and runs nothing: what its package.json declares or its file imports, what that
 * declares in turn, and so on, as far as it is installed.
 */
export function readApplication(file: string): Application {
  const own = nearestManifest(dirname(file));
  const isModule = file.endsWith('.mjs') || (!file.endsWith('.cjs') && own?.type === 'module');
  const packages = new Map<string, Set<string>>();
  const seen = new Set<string>();
  const queue = [...declared(own, true), ...importedBy(file)].map((name) => ({ name, from: dirname(file) }));
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const folder = installed(next.name, next.from);
    if (folder === undefined || seen.has(folder)) continue;
    seen.add(folder);
    const manifest = read(join(folder, 'package.json'));
    packages.set(next.name, (packages.get(next.name) ?? new Set()).add(manifest?.version ?? '?'));
    queue.push(...declared(manifest, false).map((name) => ({ name, from: folder })));
  }
  return { file, isModule, packages };
}

function declared(manifest: Manifest | undefined, own: boolean): string[] {
  const { dependencies, optionalDependencies, peerDependencies, devDependencies } = manifest ?? {};
  return [dependencies, optionalDependencies, peerDependencies, own ? devDependencies : {}].flatMap((part) => Object.keys(part ?? {}));
}

/** Packages by the specifiers in the file's text: for a script without a package.json of its own. */
function importedBy(file: string): string[] {
  const specifiers = [...readFileSync(file, 'utf8').matchAll(/\b(?:from|import|require)\s*\(?\s*['"]([^'"./][^'"]*)['"]/g)].map(
    (match) => match[1] as string,
  );
  const names = specifiers.map((specifier) => /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier);
  return [...new Set(names)].filter((name) => !name.startsWith('node:') && !builtinModules.includes(name));
}

function nearestManifest(from: string): Manifest | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const path = join(folder, 'package.json');
    if (existsSync(path)) return read(path);
    if (folder === dirname(folder)) return undefined;
  }
}

function installed(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const found = join(folder, 'node_modules', name);
    if (existsSync(join(found, 'package.json'))) return realpathSync(found);
    if (folder === dirname(folder)) return undefined;
  }
}

function read(path: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Manifest;
  } catch {
    return undefined;
  }
}
