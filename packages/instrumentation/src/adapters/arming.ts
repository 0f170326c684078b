import { diag } from '@opentelemetry/api';
import { type AdapterStatus, reportAdapter, state, type UnarmedWhy } from '../global.js';
import { refuse, sayIfRegistered } from '../say.js';
import type { SessionOptions } from '../types.js';
import type { Target } from './adapter.js';

const KEY = Symbol.for('agent-custody.instrumentation.v1.adapters');

interface Shared {
  enabled: boolean;
  runOptions: SessionOptions;
}

function shared(): Shared {
  const holder = globalThis as { [KEY]?: Shared };
  holder[KEY] ??= { enabled: true, runOptions: {} };
  return holder[KEY];
}

/**
 * Whether the patches do anything. They stay in place once they are on, since the application holds references to what was
 * exported; disabling makes them pass every call through.
 */
export function patchesEnabled(): boolean {
  return shared().enabled;
}

export function enablePatches(enabled: boolean): void {
  shared().enabled = enabled;
}

/** What the sessions that are opened around agent runs are opened with. */
export function runOptions(): SessionOptions {
  return shared().runOptions;
}

export function setRunOptions(options: SessionOptions): void {
  shared().runOptions = options;
}

/** Not seen yet; what was seen before is not forgotten. */
export function reportWaiting(targets: readonly Target[]): void {
  for (const { packageName } of targets) {
    if (statusesOf(packageName).length === 0) reportAdapter(packageName, { framework: packageName, state: 'waiting' });
  }
}

/** The hook fired for this file: several versions and both module systems of one framework may be loaded side by side. */
export function reportArmed(packageName: string, version: string | undefined, file: string): void {
  const before = state().adapters.get(packageName);
  const earlier: Partial<AdapterStatus> = before?.state === 'armed' ? before : {};
  reportAdapter(packageName, {
    framework: packageName,
    state: 'armed',
    version: joined(earlier.version, version),
    detail: joined(earlier.detail, file),
  });
}

/** The hook fired for a version that runs no tools itself. Beside what else is known: another version may be armed. */
export function reportToolless(packageName: string, version: string | undefined, file: string): void {
  const { adapters } = state();
  if (adapters.get(packageName)?.state === 'waiting') adapters.delete(packageName);
  reportAdapter(toollessKey(packageName, version), { framework: packageName, state: 'toolless', version, detail: file });
}

function toollessKey(packageName: string, version: string | undefined): string {
  return `${packageName} toolless ${version ?? ''}`;
}

/** Whether the hook fired for this file of this version. */
export function isArmed(packageName: string, version: string | undefined, file: string): boolean {
  if (state().adapters.has(toollessKey(packageName, version))) return true;
  const { state: own, version: versions, detail } = state().adapters.get(packageName) ?? {};
  const among = (list: string | undefined, one: string): boolean => list?.split(', ').includes(one) ?? false;
  return own === 'armed' && among(detail, file) && (version === undefined || versions === undefined || among(versions, version));
}

/** Frameworks that are there in a way that no patch reaches, each said once; with `strict` the process ends here. */
export function reportUnarmed(framework: string, why: UnarmedWhy, version: string | undefined, detail: string): void {
  const key = `${framework} ${why} ${version ?? ''} ${detail}`;
  const { adapters, configuration } = state();
  if (adapters.has(key)) return;
  if (adapters.get(framework)?.state === 'waiting') adapters.delete(framework);
  reportAdapter(key, { framework, state: 'unarmed', why, detail, ...(version !== undefined && { version }) });
  const sentence = unarmedSentence(framework, why, version, detail);
  diag.error(`agent-custody: UNARMED: ${sentence}`);
  if (configuration.settings.strict) refuse(sentence);
  sayIfRegistered(`UNARMED: ${sentence}`);
}

/** Everything that is known of one framework. */
export function statusesOf(framework: string): AdapterStatus[] {
  return [...state().adapters.values()].filter((status) => status.framework === framework);
}

function unarmedSentence(framework: string, why: UnarmedWhy, version: string | undefined, detail: string): string {
  const { reason, remedy } = UNARMED[why];
  return `${[framework, version].filter((part) => part !== undefined).join(' ')} (${detail}): ${reason}; ${remedy}`;
}

/** For people: what is wrong, and what to do about it. */
export const UNARMED: Readonly<Record<UnarmedWhy, { readonly reason: string; readonly remedy: string }>> = {
  bundled: {
    reason: 'it is bundled into the application, where no hook sees it',
    remedy:
      'leave it out of the bundle (esbuild: external, Next: serverExternalPackages), or wrap its tools with governTools(tools) and name its adapter in disabledAdapters (OTEL_NODE_DISABLED_INSTRUMENTATIONS)',
  },
  loaded_before: {
    reason: 'it was loaded before the instrumentation',
    remedy: 'load the instrumentation first: node --import @agent-custody/instrumentation/register app.js',
  },
  foreign_loader: {
    reason: 'another loader hook came first',
    remedy: 'load this one before any other (--import order), with one copy of import-in-the-middle',
  },
  no_loader: {
    reason: 'the loader hooks could not be registered',
    remedy:
      'leave @agent-custody/instrumentation out of the bundle (esbuild: external, Next: serverExternalPackages), with @opentelemetry/instrumentation and all it depends on installed',
  },
  unknown_version: {
    reason: 'this package does not know that version',
    remedy: 'install a version that the README lists, or a newer @agent-custody/instrumentation',
  },
  unknown_shape: {
    reason: 'it has another shape than this package knows: its tools are not recorded',
    remedy: 'install a version that the README lists, or a newer @agent-custody/instrumentation',
  },
};

function joined(before: string | undefined, next: string | undefined): string | undefined {
  if (before === undefined || next === undefined) return next ?? before;
  return before.split(', ').includes(next) ? before : `${before}, ${next}`;
}
