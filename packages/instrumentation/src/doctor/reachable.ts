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
  /** The folder of its package.json, else of the file. */
  readonly root: string;
  /** It is started by Next, which bundles it. */
  readonly isNext: boolean;
  /** Versions of each package that is reached from it, its own dependencies' dependencies included. */
  readonly packages: ReadonlyMap<string, ReadonlySet<string>>;
  /** What it depends on and cannot load. */
  readonly missing: readonly string[];
}

/**
 * Reads manifests and the application's own file, and runs nothing: what its package.json declares or its file imports, what that
 * declares in turn, and so on, as far as it is installed.
 */
export function readApplication(file: string): Application {
  const root = rootOf(dirname(file));
  const own = read(join(root, 'package.json'));
  const text = readFileSync(file, 'utf8');
  const packages = new Map<string, Set<string>>();
  const seen = new Set<string>();
  const queue = [...declared(own, true), ...importedBy(text)].map((name) => ({ name, from: dirname(file) }));
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const folder = installed(next.name, next.from);
    if (folder === undefined || seen.has(folder)) continue;
    seen.add(folder);
    const manifest = read(join(folder, 'package.json'));
    packages.set(next.name, (packages.get(next.name) ?? new Set()).add(manifest?.version ?? '?'));
    queue.push(...declared(manifest, false).map((name) => ({ name, from: folder })));
  }
  const dependencies = Object.keys(own?.dependencies ?? {});
  return {
    file,
    isModule: isModule(file, own?.type, text),
    root,
    isNext: dependencies.includes('next'),
    packages,
    missing: dependencies.filter((name) => installed(name, dirname(file)) === undefined),
  };
}

/** As Node decides, which looks at the text where neither the file's name nor the package.json says it. */
function isModule(file: string, type: string | undefined, text: string): boolean {
  if (/\.m[jt]s$/.test(file)) return true;
  if (/\.c[jt]s$/.test(file)) return false;
  return type === 'module' || (type === undefined && /^\s*(?:export\b|import\b\s*[^\s(.])/m.test(text));
}

function declared(manifest: Manifest | undefined, own: boolean): string[] {
  const { dependencies, optionalDependencies, peerDependencies, devDependencies } = manifest ?? {};
  return [dependencies, optionalDependencies, peerDependencies, own ? devDependencies : {}].flatMap((part) => Object.keys(part ?? {}));
}

/** Packages by the specifiers in the file's text: for a script without a package.json of its own. */
function importedBy(text: string): string[] {
  const specifiers = [...text.matchAll(/\b(?:from|import|require)\s*\(?\s*['"]([^'"./][^'"]*)['"]/g)].map((match) => match[1] as string);
  const names = specifiers.map((specifier) => /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier);
  return [...new Set(names)].filter((name) => !name.startsWith('node:') && !builtinModules.includes(name));
}

function rootOf(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder)) return from;
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
