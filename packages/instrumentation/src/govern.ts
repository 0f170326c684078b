import { runAction } from './action.js';
import { patchesEnabled } from './adapters/arming.js';
import { CustodyError } from './errors.js';
import { type Shape, shapeOf } from './govern/shapes.js';

/** What was made here: governing it again changes nothing. */
const governed = new WeakSet<object>();

/**
 * Has every call of these tools recorded, and decided by the guard in force, without any loader hook: for applications that are
 * bundled. Takes what frameworks take as tools, alone, in an array or by name in an object, and answers the same with each tool
 * replaced by one that is used just alike: tool sets of the AI SDK, LangChain tools, function tools of the OpenAI Agents SDK, runnable
 * tools of Anthropic's SDK, runTools functions of OpenAI's, MCP clients. What has nothing to run in this process stays as it is. Where a
 * hook sees the same call, it is recorded once.
 *
 * @throws CustodyError `invalid_argument` for something that is neither a tool nor holds any
 * @example const result = await generateText({ model, tools: governTools({ sendEmail }), prompt });
 */
export function governTools<T>(tools: T): T {
  if (typeof tools !== 'object' || tools === null) {
    throw new CustodyError('invalid_argument', `governTools: a ${typeof tools} is no tool: give the tools that the framework takes`);
  }
  if (Array.isArray(tools)) return tools.map((tool) => (isObject(tool) ? governOne(tool, undefined) : (tool as unknown))) as T;
  const whole = governOne(tools, undefined);
  if (whole !== tools || governed.has(tools)) return whole as T;
  const members = Object.entries(tools);
  if (!members.some(([, member]) => isObject(member))) {
    throw new CustodyError(
      'invalid_argument',
      'governTools: this is no tool of a framework that is known here; wrap its function with audited(name, fn)',
    );
  }
  return Object.fromEntries(members.map(([name, member]) => [name, isObject(member) ? governOne(member, name) : member])) as T;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** @param name under which the framework knows it; undefined where the tool has its own */
function governOne(tool: object, name: string | undefined): object {
  if (governed.has(tool)) return tool;
  const shape = shapeOf(tool, name);
  if (shape === undefined) return tool;
  const copy = shape.inPlace ? proxied(tool, shape) : replaced(tool, shape);
  governed.add(copy);
  return copy;
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

function recorded(method: Method, { call, sent }: Shape, own?: unknown): Method {
  return function (this: unknown, ...args) {
    if (!patchesEnabled()) return Reflect.apply(method, own ?? this, args);
    return runAction({ ...call(args), governed: true }, () => Reflect.apply(method, own ?? this, sent ? sent(args) : args));
  };
}

/** A tool that is plain data with a function in it. */
function replaced(tool: object, shape: Shape): object {
  const { path } = shape;
  const [name, ...rest] = path as [string, ...string[]];
  const descriptors = Object.getOwnPropertyDescriptors(tool) as Record<string, PropertyDescriptor>;
  const before: unknown = Reflect.get(tool, name);
  const value = rest.length === 0 ? recorded(before as Method, shape) : replaced(before as object, { ...shape, path: rest });
  descriptors[name] = { value, writable: true, enumerable: true, configurable: true };
  return Object.create(Object.getPrototypeOf(tool) as object | null, descriptors) as object;
}

/** An instance of a class, which may have private fields: its methods run on the instance itself. */
function proxied(tool: object, shape: Shape): object {
  const methods = new Map<PropertyKey, unknown>();
  return new Proxy(tool, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== 'function' || property === 'constructor') return value;
      const known = methods.get(property);
      if (known !== undefined) return known;
      const bound = shape.path.includes(String(property)) ? recorded(value as Method, shape, target) : (value.bind(target) as unknown);
      methods.set(property, bound);
      return bound;
    },
  });
}
