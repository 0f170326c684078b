import { types } from 'node:util';
import type { Exports } from './adapter.js';

/** On every function that was put in place of another: a second copy of this package, or a second hook, leaves it alone. */
const PATCHED = Symbol.for('agent-custody.instrumentation.v1.patched');

type AnyFunction = (this: unknown, ...args: never[]) => unknown;

/** Makes `replacement` pass for `original`: same name, same length. */
function disguise<F extends AnyFunction>(replacement: F, original: AnyFunction): F {
  Object.defineProperties(replacement, {
    name: { value: original.name, configurable: true },
    length: { value: original.length, configurable: true },
    [PATCHED]: { value: true },
  });
  return replacement;
}

export function isPatched(fn: unknown): boolean {
  return typeof fn === 'function' && PATCHED in fn;
}

/** Replaces a method of a class where the class has it; whether it is in place now. */
export function patchMethod<F extends AnyFunction>(holder: unknown, name: string | symbol, wrap: (original: F) => F): boolean {
  if (typeof holder !== 'function') return false;
  const prototype: unknown = holder.prototype;
  if (typeof prototype !== 'object' || prototype === null) return false;
  return patchProperty(prototype, name, wrap);
}

/** Replaces a method of the very object, be it a class's prototype or not; whether it is in place now. */
export function patchProperty<F extends AnyFunction>(holder: object, name: string | symbol, wrap: (original: F) => F): boolean {
  const descriptor = Object.getOwnPropertyDescriptor(holder, name);
  if (typeof descriptor?.value !== 'function') return false;
  if (isPatched(descriptor.value)) return true;
  const original = descriptor.value as F;
  Object.defineProperty(holder, name, { ...descriptor, value: disguise(wrap(original), original) });
  return true;
}

/** {@link patchProperty} where the object has the method: on itself, or on the class that it has it from. */
export function patchInherited<F extends AnyFunction>(object: object, name: string, wrap: (original: F) => F): boolean {
  for (let holder: object | null = object; holder !== null; holder = Object.getPrototypeOf(holder) as object | null) {
    if (Object.hasOwn(holder, name)) return patchProperty(holder, name, wrap);
  }
  return false;
}

/** {@link patchMethod} on an exported class; undefined when there is no such class or method. */
export function patchClass<F extends AnyFunction>(
  exports: Exports,
  name: string,
  method: string | symbol,
  wrap: (original: F) => F,
): Exports | undefined {
  return patchMethod<F>(exports[name], method, wrap) ? exports : undefined;
}

/**
 * Replaces exported functions. An ES module's namespace comes from the loader as a proxy that takes assignments; CommonJS exports
 * of bundlers are getters that cannot be redefined, and are cloned: every other property of the clone is the original's own.
 *
 * @returns undefined when one of them is not there
 */
export function patchExports(
  exports: Exports,
  wraps: Readonly<Record<string, (original: AnyFunction) => AnyFunction>>,
): Exports | undefined {
  const replacements: Exports = {};
  for (const [name, wrap] of Object.entries(wraps)) {
    const original = exports[name];
    if (typeof original !== 'function') return undefined;
    if (isPatched(original)) continue;
    replacements[name] = disguise(wrap(original as AnyFunction), original as AnyFunction);
  }
  const names = Object.keys(replacements);
  if (names.length === 0) return exports;
  const assignable = (name: string): boolean => Object.getOwnPropertyDescriptor(exports, name)?.writable === true;
  // A namespace that `require` answers calls its properties writable, and throws at whoever writes.
  if (types.isProxy(exports) || (!types.isModuleNamespaceObject(exports) && names.every(assignable))) {
    Object.assign(exports, replacements);
    return exports;
  }
  const descriptors = Object.getOwnPropertyDescriptors(exports);
  for (const name of names) {
    descriptors[name] = { value: replacements[name], writable: true, enumerable: true, configurable: true };
  }
  return Object.create(Object.getPrototypeOf(exports) as object | null, descriptors) as Exports;
}
