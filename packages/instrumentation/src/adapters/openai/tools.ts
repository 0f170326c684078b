import { runAction } from '../../action.js';
import { parsedJson } from '../json.js';
import type { OpenAiRun } from './run.js';
import type { Parse, RunnableFunction, RunParams, Tool, ToolFunction } from './types.js';

/** What a parser made of the arguments of one call, on its way to the function. */
class Parsed {
  readonly callId: string | undefined;
  readonly value: unknown;

  constructor(callId: string | undefined, value: unknown) {
    this.callId = callId;
    this.value = value;
  }
}

/** The params of a run with every function in them wrapped. The application's objects are not touched. */
export function observedTools(params: RunParams, run: OpenAiRun): RunParams {
  if (!Array.isArray(params.tools)) return params;
  return { ...params, tools: (params.tools as Tool[]).map((tool) => observedTool(tool, run)) };
}

function observedTool(tool: Tool, run: OpenAiRun): Tool {
  const { function: runnable, $callback: callback, $parseRaw: parse } = tool;
  if (typeof callback === 'function') {
    const name = runnable?.name ?? callback.name;
    return copyOf(tool, { $callback: observedFunction(callback, name, run), $parseRaw: parse && observedParse(parse, name, run) });
  }
  if (tool.type !== 'function' || typeof runnable?.function !== 'function') return tool;
  return copyOf(tool, { function: observedRunnable(runnable, runnable.function, run) });
}

function observedRunnable(runnable: RunnableFunction, fn: ToolFunction, run: OpenAiRun): RunnableFunction {
  const name = runnable.name || fn.name;
  const bound: ToolFunction = (...args) => Reflect.apply(fn, runnable, args);
  const { parse } = runnable;
  return copyOf(runnable, {
    function: observedFunction(Object.defineProperty(bound, 'name', { value: fn.name }), name, run),
    ...(typeof parse === 'function' ? { parse: observedParse((input) => Reflect.apply(parse, runnable, [input]), name, run) } : {}),
  });
}

/** Whatever else the object has stays, also what cannot be enumerated: the package marks its own by that. */
function copyOf<T extends object>(original: T, replaced: Partial<T>): T {
  const descriptors = Object.getOwnPropertyDescriptors(original);
  const changes = Object.entries(replaced).flatMap(([key, value]) => {
    const before = (descriptors as Record<string, PropertyDescriptor>)[key];
    return value === undefined ? [] : [[key, { value, enumerable: before?.enumerable ?? false, configurable: true, writable: true }]];
  });
  return Object.create(Object.getPrototypeOf(original) as object | null, { ...descriptors, ...Object.fromEntries(changes) }) as T;
}

function observedParse(parse: Parse, name: string, run: OpenAiRun): Parse {
  return function (this: unknown, input) {
    const callId = run.claim(name, input);
    const failed = (error: unknown): never => {
      // The model is told, and the function is not run.
      if (callId !== undefined) run.forgo([callId]);
      throw error;
    };
    try {
      const value = Reflect.apply(parse, this, [input]);
      return value instanceof Promise ? value.then((settled) => new Parsed(callId, settled), failed) : new Parsed(callId, value);
    } catch (error) {
      return failed(error);
    }
  };
}

function observedFunction(fn: ToolFunction, name: string, run: OpenAiRun): ToolFunction {
  const wrapped: ToolFunction = function (this: unknown, given, ...rest) {
    const { callId, value } = given instanceof Parsed ? given : new Parsed(run.claim(name, given), given);
    run.executed(callId);
    return runAction(
      {
        tool: { name, type: 'function', callId },
        // Without a parser the function gets the text that the model wrote.
        arguments: given instanceof Parsed ? value : parsedJson(value),
        session: run.session,
        signal: run.signal,
        awaited: 'promise',
        // An error would end the run.
        refused: ({ message }) => message,
        requested: callId !== undefined,
      },
      () => Reflect.apply(fn, this, [value, ...rest]),
    );
  };
  return Object.defineProperty(wrapped, 'name', { value: fn.name });
}
