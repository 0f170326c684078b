import * as nodeModule from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { diag } from '@opentelemetry/api';
import type { HookData } from './loader-hook.js';
import { peerRequire } from './peer.js';

/** How ES modules are reached: `sync` in the application's thread, `thread` in Node's loader thread, `unavailable` not at all. */
export interface Loader {
  readonly kind: 'sync' | 'thread' | 'unavailable';
  /** Why it is unavailable, and what to do. */
  readonly problem?: string;
  /** Whether a module imported through the hooks was seen; never rejects. */
  confirmed(): Promise<boolean>;
}

/** What is used of import-in-the-middle: the copy that InstrumentationBase listens to, and no other. */
interface InTheMiddle {
  Hook: new (modules: string[], options: { internals: boolean }, fn: () => void) => { unhook(): void };
}
interface CreateHook {
  supportsSyncHooks?(): boolean;
  createHook(meta: { url: string }): {
    applyOptions?(options: { include: RegExp[] }): void;
    resolveSync?: unknown;
    loadSync?: unknown;
  };
}
/** Of node:module in Node 22.15 and later, which the types of Node 20 lack. */
interface WithHooks {
  registerHooks?(hooks: { resolve: unknown; load: unknown }): void;
}

const KEY = Symbol.for('agent-custody.instrumentation.v1.loader');

/** Not at the top of the file: a bundle for CommonJS has no URL of its own. */
function probeUrl(): URL {
  return new URL('./loader-probe.js', import.meta.url);
}

/**
 * Registers the hooks through which ES modules matching `include` are patched; once per process. What is already imported stays
 * as it is, so it has to come before the application: `node --import`.
 *
 * @param include matched against module URLs; everything else is loaded untouched
 */
export function registerLoader(include: readonly RegExp[]): Loader {
  const holder = globalThis as { [KEY]?: Loader };
  holder[KEY] ??= register(include);
  return holder[KEY];
}

function register(include: readonly RegExp[]): Loader {
  try {
    const peer = peerRequire();
    const hook = pathToFileURL(peer.resolve('import-in-the-middle/hook.mjs')).href;
    const createHook = peer.resolve('import-in-the-middle/create-hook.mjs');
    const files = [...include, new RegExp(`^${probeUrl().href.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`)];
    const confirmed = (): Promise<boolean> => confirm(peer);
    if (registerSync(peer, createHook, hook, files)) return { kind: 'sync', confirmed };
    const data: HookData = { hook, createHook: pathToFileURL(createHook).href, include: files };
    nodeModule.register(new URL('./loader-hook.js', import.meta.url), { data });
    return { kind: 'thread', confirmed };
  } catch (error) {
    const [cause] = (error instanceof Error ? error.message : String(error)).split('\n');
    const problem = `the loader hooks could not be registered (${cause})`;
    diag.warn(`agent-custody: ${problem}; ES modules are not patched`);
    return { kind: 'unavailable', problem, confirmed: () => Promise.resolve(false) };
  }
}

/**
 * The hooks' files are loaded by their URLs, which tools that gather an application's files for another place (Next's standalone
 * output, Vercel) do not see. An import they do see, with all that it needs; nobody makes it.
 */
export function hookFiles(): Promise<unknown> {
  // It has no types; a `string` is not looked up.
  return import('@opentelemetry/instrumentation/hook.mjs' as string);
}

/** Cheaper by a thread and a message per module; where Node's are complete (22.22.3, 24.11.1 and later). */
function registerSync(peer: NodeJS.Require, createHook: string, hook: string, include: RegExp[]): boolean {
  const { registerHooks } = nodeModule as WithHooks;
  if (registerHooks === undefined) return false;
  const made = peer(createHook) as CreateHook;
  if (made.supportsSyncHooks?.() !== true) return false;
  const own = made.createHook({ url: hook });
  if (!own.applyOptions || !own.resolveSync || !own.loadSync) return false;
  own.applyOptions({ include });
  registerHooks({ resolve: own.resolveSync, load: own.loadSync });
  return true;
}

/**
 * Imports a module of ours and listens for it. A loader that another copy of import-in-the-middle registered before can shadow
 * ours silently: nothing but a hook that fires proves that hooks fire.
 */
async function confirm(peer: NodeJS.Require): Promise<boolean> {
  let heard = false;
  try {
    const { Hook } = peer('import-in-the-middle') as InTheMiddle;
    const url = probeUrl();
    const listener = new Hook([fileURLToPath(url)], { internals: true }, () => {
      heard = true;
    });
    await import(url.href);
    listener.unhook();
  } catch (error) {
    diag.debug('agent-custody: the loader probe failed', error);
  }
  return heard;
}
