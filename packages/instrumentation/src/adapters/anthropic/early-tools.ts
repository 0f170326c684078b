import { guarded } from '../../errors.js';
import { patchesEnabled } from '../arming.js';
import { AnthropicRun, anthropicRuns } from './run.js';
import { recordedRun } from './tools.js';
import type { RunnableTool, ToolContext, ToolRunner, ToolUse } from './types.js';

/** Lists and tools that stand for an application's. */
const watched = new WeakSet<object>();

/**
 * Runners before 0.134 run tools in a function that nobody can reach. So they get a list of tools that stands for the application's:
 * what it hands to the runner are tools whose functions are watched, what it hands to the application are the application's own.
 */
export function watchTools(runner: ToolRunner): void {
  const { params } = runner;
  const list = params?.tools;
  if (params === undefined || !Array.isArray(list) || watched.has(list)) return;
  const seen = watchedList(list as RunnableTool[], runner);
  if (Reflect.set(params, 'tools', seen)) return;
  // The application made them so that nobody changes them.
  runner.setMessagesParams?.({ ...params, tools: seen });
}

function watchedList(list: readonly RunnableTool[], runner: ToolRunner): readonly RunnableTool[] {
  const tools = new WeakMap<object, RunnableTool>();
  // What is frozen a proxy may not answer otherwise, nor does it ever change.
  const proxy = new Proxy(Object.isFrozen(list) ? [...list] : list, {
    get(target, property, receiver) {
      const item: unknown = Reflect.get(target, property, receiver);
      if (!isRunnable(item) || !runnerReads(runner)) return item;
      const seen = tools.get(item) ?? watchedTool(item, runner);
      tools.set(item, seen);
      return seen;
    },
  });
  watched.add(proxy);
  return proxy;
}

/** Tools that start while a reply streams are looked up wherever the application reads that. */
function runnerReads(runner: ToolRunner): boolean {
  const run = AnthropicRun.of(runner);
  return run === undefined || runner.params?.runToolsEagerly === true || anthropicRuns.get() === run;
}

function isRunnable(item: unknown): item is RunnableTool & { readonly run: AnyFunction } {
  return typeof item === 'object' && item !== null && 'run' in item && typeof item.run === 'function';
}

type AnyFunction = (...args: unknown[]) => unknown;

/** A tool that stands for `tool`: the same but for its functions, which run on the tool itself. */
export function watchedTool<T>(tool: T, runner: ToolRunner): T {
  if (!isRunnable(tool) || watched.has(tool)) return tool;
  const name = String(tool.name);
  const called: { use?: ToolUse | undefined } = {};
  const parse = (input: unknown): unknown => {
    const run = AnthropicRun.of(runner);
    called.use = guarded('finding a tool call', () => run?.callOf(name, input));
    try {
      return tool.parse?.(input);
    } catch (error) {
      // The model is told, and the tool is not run.
      if (called.use) run?.forgo([called.use.id]);
      throw error;
    }
  };
  const runs = (...args: unknown[]): unknown => {
    const execute = (): unknown => Reflect.apply(tool.run, tool, args);
    const { use } = called;
    called.use = undefined;
    if (!patchesEnabled()) return execute();
    const [input, context] = args as [unknown, ToolContext | undefined];
    const told = context?.toolUseBlock ?? context?.toolUse;
    const run = AnthropicRun.of(runner);
    const toolUse = told ?? use ?? guarded('finding a tool call', () => run?.callOf(name, input)) ?? { name };
    return recordedRun(run, toolUse, { input, signal: context?.signal }, execute);
  };
  const seen = new Proxy(Object.isFrozen(tool) ? { ...tool } : tool, {
    has: (_, property) => property in tool,
    get(_, property) {
      const value: unknown = Reflect.get(tool, property, tool);
      if (typeof value !== 'function') return value;
      return property === 'run' ? runs : property === 'parse' ? parse : value;
    },
  });
  watched.add(seen);
  return seen;
}
