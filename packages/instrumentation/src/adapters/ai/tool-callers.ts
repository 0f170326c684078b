import { guarded } from '../../errors.js';
import { governTools } from '../../govern.js';

type Export = (...args: never[]) => unknown;
type Bind = (tools: object) => unknown;

/**
 * Wraps `experimental_getToolCaller` of ai 7: a tool that calls others (code that a model wrote, say) is bound to those, and calls
 * their functions itself, past `executeTool`. What it is bound to are tools that record their own calls.
 */
export function observedCaller(original: Export): (this: unknown, ...args: unknown[]) => unknown {
  return function (this: unknown, ...args) {
    const caller: unknown = Reflect.apply(original, this, args as never[]);
    return guarded('observing a tool that calls others', () => bindingGoverned(caller)) ?? caller;
  };
}

function bindingGoverned(caller: unknown): unknown {
  const { type, bind } = (caller ?? {}) as { readonly type?: unknown; readonly bind?: unknown };
  if (type !== 'local' || typeof bind !== 'function') return caller;
  return {
    ...(caller as object),
    bind: (tools: object): unknown => (bind as Bind)(guarded('governing tools', () => governed(tools)) ?? tools),
  };
}

function governed(tools: object): object {
  return Object.keys(tools).length === 0 ? tools : governTools(tools);
}
