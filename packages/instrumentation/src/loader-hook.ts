/**
 * Runs in Node's loader thread. An instance of import-in-the-middle's hooks of our own: the shared one has a single include list,
 * where the last registration wins, so that registering there would narrow the application's instrumentations to our files, and
 * theirs would widen or drop ours. All instances report to one place in the application's thread, which is what makes a hook fire.
 */
interface Hooks {
  resolve(...args: unknown[]): unknown;
  load(...args: unknown[]): unknown;
  initialize?(data: unknown): unknown;
  applyOptions?(data: unknown): void;
}

export interface HookData {
  /** URLs of import-in-the-middle's hook.mjs and create-hook.mjs. */
  readonly hook: string;
  readonly createHook: string;
  readonly include: readonly RegExp[];
}

let hooks: Hooks | undefined;

export async function initialize(data: HookData): Promise<void> {
  const made = (await import(data.createHook)) as { createHook(meta: { url: string }): Hooks };
  const own = made.createHook({ url: data.hook });
  const options = { include: [...data.include] };
  if (own.applyOptions) own.applyOptions(options);
  else await own.initialize?.(options);
  hooks = own;
}

type Next = (...args: unknown[]) => unknown;

export function resolve(specifier: unknown, context: unknown, next: Next): unknown {
  return hooks === undefined ? next(specifier, context) : hooks.resolve(specifier, context, next);
}

export function load(url: unknown, context: unknown, next: Next): unknown {
  return hooks === undefined ? next(url, context) : hooks.load(url, context, next);
}
