import { type AdapterStatus, reportAdapter, state } from '../global.js';
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
    if (!state().adapters.has(packageName)) reportAdapter({ framework: packageName, state: 'waiting' });
  }
}

/** The hook fired for this file: several versions and both module systems of one framework may be loaded side by side. */
export function reportArmed(packageName: string, version: string | undefined, file: string): void {
  const before = state().adapters.get(packageName);
  const earlier: Partial<AdapterStatus> = before?.state === 'armed' ? before : {};
  reportAdapter({
    framework: packageName,
    state: 'armed',
    version: joined(earlier.version, version),
    detail: joined(earlier.detail, file),
  });
}

export function reportFailed(packageName: string, why: string): void {
  reportAdapter({ framework: packageName, state: 'failed', detail: why });
}

function joined(before: string | undefined, next: string | undefined): string | undefined {
  if (before === undefined || next === undefined) return next ?? before;
  return before.split(', ').includes(next) ? before : `${before}, ${next}`;
}
