/** What a module exports, as a loader hook hands it over. */
export type Exports = Record<string, unknown>;

/** One file of a framework, and what is done to it when it is loaded. */
export interface Target {
  /** The package's name, which is also its folder under node_modules: the loader hooks go by it. */
  readonly packageName: string;
  /** Ranges of the package's version. */
  readonly versions: readonly string[];
  /** The file inside the package, with `/`. */
  readonly file: string;
  /** Whether the package's main export is this file, so that the hooks name it by the package alone. */
  readonly main: boolean;
  /** Whether only classes are patched, in place: then it helps to patch a module that is imported already. */
  readonly classesOnly: boolean;
  /** Whether every tool call is recorded without it too, so that nobody needs to be told where it came too late. */
  readonly supplement?: boolean;
  /** Whether these versions run no tools themselves: there is nothing to patch, and nothing to miss. */
  readonly toolless?: boolean;
  /** Whether the file is an ES module, where its name does not say so. */
  readonly module?: boolean;
  /**
   * Matches the URL under which the file is loaded as an ES module. Only what matches is wrapped by the loader: a loader that wraps
   * everything snapshots live bindings and breaks applications.
   */
  readonly include: RegExp;
  /**
   * Patches what the file exports, in place where that is possible.
   *
   * @returns the exports that the application shall see: the ones given, or a clone where they are read-only (CommonJS getters); undefined
   * when the file has another shape than expected
   */
  patch(exports: Exports): Exports | undefined;
}

/** One framework. Adapters know nothing of loaders: they say which file, and what to do with it. */
export interface Adapter {
  /** As people call it, in status and in the line at start. */
  readonly name: string;
  readonly targets: readonly Target[];
  /**
   * What every bundle of the framework has in its text, minified too: all of these. They must not match this package's own text,
   * which may be in the same bundle: `/ai\.toolCall/` matches what is quoted, and not itself.
   */
  readonly marks?: readonly RegExp[];
  /** What needs no hook: done when the instrumentation is enabled. Idempotent. */
  arm?(): void;
  /**
   * For the self-test: runs a tool of its own, named {@link PROBE_TOOL}, through the framework as the application's folder has it,
   * offline. Whether it was recorded is for the caller to see.
   *
   * @param load imports a package or a file of one from the application's folder
   */
  probe?(load: (specifier: string) => Promise<Exports>): Promise<unknown>;
}

/** The tool that a probe runs. */
export const PROBE_TOOL = 'agent_custody_probe';

/** Makes the target for one file; `include` follows from the package's folder and the file. */
export function target(options: Omit<Target, 'include'>): Target {
  const path = `${options.packageName}/${options.file}`.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return { ...options, include: new RegExp(`/node_modules/${path}$`) };
}

/** Whether the file is an ES module. */
export function isModule({ file, module }: Pick<Target, 'file' | 'module'>): boolean {
  return module ?? (file.endsWith('.mjs') || file.includes('/esm/'));
}
