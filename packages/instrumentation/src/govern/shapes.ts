import { governedCall, governName } from '../adapters/ai/governed.js';
import { type CallParams, describe as describeMcp } from '../adapters/mcp/call.js';
import { withTraceContext } from '../adapters/mcp/propagation.js';
import type { ActionCall } from '../types.js';

/** How a framework's tool is called. */
export interface Shape {
  /** Where its function is; with `inPlace` the methods that call it. */
  readonly path: readonly string[];
  /** An instance of a class, which is not copied. */
  readonly inPlace: boolean;
  call(args: readonly unknown[]): ActionCall<unknown>;
  /** What the function is really called with, inside the action. */
  sent?(args: readonly unknown[]): unknown[];
}

interface Tool {
  readonly name?: unknown;
  readonly type?: unknown;
  readonly execute?: unknown;
  readonly invoke?: unknown;
  readonly run?: unknown;
  readonly callTool?: unknown;
  readonly function?: { readonly name?: unknown; readonly function?: unknown };
  readonly lc_namespace?: unknown;
}

/** Undefined for what has no function that would run in this process. */
export function shapeOf(tool: Tool, key: string | undefined): Shape | undefined {
  const name = typeof tool.name === 'string' ? tool.name : key;
  if (typeof tool.callTool === 'function') return mcpClient;
  if (Array.isArray(tool.lc_namespace) && typeof tool.invoke === 'function' && name !== undefined) return langchain(name);
  if (tool.type === 'function' && typeof tool.invoke === 'function' && name !== undefined) return openAiAgents(name);
  if (tool.type === 'function' && typeof tool.function?.function === 'function') return openAi(String(tool.function.name));
  if (typeof tool.run === 'function' && name !== undefined) return anthropic(name);
  if (typeof tool.execute === 'function' && key !== undefined) return aiSdk(key, tool.execute);
  return undefined;
}

/** `execute(input, { toolCallId, abortSignal })`; a generator's yields are preliminary results. */
function aiSdk(name: string, execute: object): Shape {
  const awaited = Object.prototype.toString.call(execute) === '[object AsyncGeneratorFunction]' ? 'iterator' : 'promise';
  governName(name);
  return {
    path: ['execute'],
    inPlace: false,
    call: ([input, options]) => {
      const callId = text(options, 'toolCallId');
      if (callId !== undefined) governedCall(callId);
      return { tool: { name, type: 'function', callId }, arguments: input, signal: signalOf(options, 'abortSignal'), awaited };
    },
  };
}

/** `invoke(input, config)`, where the input is a tool call or its arguments. */
function langchain(name: string): Shape {
  return {
    path: ['invoke', 'call'],
    inPlace: true,
    call: ([input, config]) => {
      const called = text(input, 'type') === 'tool_call';
      const callId = called ? text(input, 'id') : text(property(config, 'toolCall'), 'id');
      const given = called ? property(input, 'args') : input;
      return { tool: { name, type: 'function', callId }, arguments: given, signal: signalOf(config, 'signal'), awaited: 'promise' };
    },
  };
}

/** `invoke(context, json, { toolCall, signal })`; what it answers is what the model is told. */
function openAiAgents(name: string): Shape {
  return {
    path: ['invoke'],
    inPlace: false,
    call: ([, input, details]) => ({
      tool: { name, type: 'function', callId: text(property(details, 'toolCall'), 'callId') },
      arguments: parsed(input),
      signal: signalOf(details, 'signal'),
      awaited: 'promise',
      refused: ({ message }) => message,
    }),
  };
}

/** `function(arguments, runner)`; an error would end the run, a text is told to the model. */
function openAi(name: string): Shape {
  return {
    path: ['function', 'function'],
    inPlace: false,
    call: ([input]) => ({
      tool: { name, type: 'function' },
      arguments: parsed(input),
      awaited: 'promise',
      refused: ({ message }) => message,
    }),
  };
}

/** `run(input, { toolUse, signal })`; the runner tells the model of an error. */
function anthropic(name: string): Shape {
  return {
    path: ['run'],
    inPlace: false,
    call: ([input, context]) => ({
      tool: { name, type: 'function', callId: text(property(context, 'toolUse') ?? property(context, 'toolUseBlock'), 'id') },
      arguments: input,
      signal: signalOf(context, 'signal'),
      awaited: 'promise',
    }),
  };
}

/** `callTool(params, …)`; a failure is a result in MCP. */
const mcpClient: Shape = {
  path: ['callTool'],
  inPlace: true,
  call: ([params, ...rest]) => describeMcp(params as CallParams, rest),
  sent: ([params, ...rest]) => [withTraceContext(params as CallParams), ...rest],
};

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (Reflect.get(value, name) as unknown) : undefined;
}

function text(value: unknown, name: string): string | undefined {
  const found = property(value, name);
  return typeof found === 'string' ? found : undefined;
}

function signalOf(value: unknown, name: string): AbortSignal | undefined {
  const found = property(value, name);
  return found instanceof AbortSignal ? found : undefined;
}

/** As the model wrote them, where the framework hands on the text. */
function parsed(input: unknown): unknown {
  if (typeof input !== 'string') return input;
  try {
    return JSON.parse(input) as unknown;
  } catch {
    return input;
  }
}
