import { runAction } from '../../action.js';
import { guarded } from '../../errors.js';
import { ActionDenied, type Refusal } from '../../guard.js';
import { currentSession } from '../../session.js';
import type { ActionCall } from '../../types.js';
import { patchesEnabled } from '../arming.js';
import { patchInherited } from '../patching.js';
import { approvalOf } from './approved.js';
import { wasAsked } from './asked.js';
import { statusOfError } from './errors.js';
import { type Config, type Form, isRecord, isToolCall, messagesIn, type Tool } from './types.js';
import { reasonIn } from './words.js';

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Calls on their way from a tool's `call` to its `_call`, by the configuration that goes along. */
const underWay = new WeakMap<object, { readonly argument: unknown; readonly form: Form }>();

/**
 * Wraps `StructuredTool.call`, through which every tool runs that is made with `tool()` or a class of LangChain's. What is recorded
 * is the `_call` inside: there the arguments are those that the tool gets, parsed and with defaults, and what the schema refuses has
 * not run. The tool stays the very object: LangChain shows the model the stack of an error, in which a proxy would have a name.
 */
export function recordedTool(form: Form): (original: Method) => Method {
  return (original) =>
    function (this: unknown, ...args) {
      const run = (given: unknown[]): unknown => Reflect.apply(original, this, given);
      if (!patchesEnabled()) return run(args);
      const tool = this as Tool;
      const config = guarded('observing a tool', () => observe(tool, args, form));
      if (config !== undefined) return run([args[0], config, ...args.slice(2)]);
      // A frozen class: the call as a whole has to do, which no policy may be passed by.
      const call = guarded('describing a tool call', () => describeWhole(tool, args, form));
      return call === undefined ? run(args) : runAction(call, () => run(args));
    };
}

/** Answers the configuration to go along: the one given, unless there is none, or it goes along with another call already. */
function observe(tool: Tool, [argument, given]: unknown[], form: Form): object | undefined {
  if (!patchInherited<Inner>(tool, '_call', recordedInner)) return undefined;
  const config = configOf(given);
  const own = underWay.has(config) ? { ...config } : config;
  underWay.set(own, { argument, form });
  return own;
}

function describeWhole(tool: Tool, [argument, given]: unknown[], form: Form): ActionCall<unknown> {
  const config: Config = configOf(given);
  const callId = callIdOf(config, argument);
  const whole = { name: tool.name, _call: tool._call };
  return describe(whole, isToolCall(argument) ? argument.args : argument, callId, config, form, argument);
}

/** LangChain takes callbacks in the place of a configuration too. */
function configOf(given: unknown): object {
  if (!isRecord(given)) return {};
  return Array.isArray(given) || 'name' in given ? { callbacks: given } : given;
}

type Inner = (this: unknown, input: unknown, manager: unknown, config: Config | undefined, ...rest: unknown[]) => unknown;

function recordedInner(original: Inner): Inner {
  return function (input, manager, config, ...rest) {
    const execute = (): unknown => Reflect.apply(original, this, [input, manager, config, ...rest]);
    const found = isRecord(config) ? underWay.get(config) : undefined;
    // Without one: a class that calls the method of the one that it extends, or an application that calls it directly.
    if (config === undefined || found === undefined) return execute();
    underWay.delete(config);
    const call = guarded('describing a tool call', () =>
      describe(this as Tool, input, callIdOf(config, found.argument), config, found.form, found.argument),
    );
    return call === undefined ? execute() : runAction(call, execute);
  };
}

/** By the version: in the config, in its `configurable` (0.2), or in the call that was given for arguments. */
function callIdOf(config: Config | undefined, argument: unknown): string | undefined {
  const own = isRecord(argument) && argument['type'] === 'tool_call' ? argument['id'] : undefined;
  const given = [own, config?.toolCall?.id, config?.configurable?.['tool_call_id']];
  return given.find((id): id is string => typeof id === 'string' && id !== '');
}

/** @param argument what the tool was called with, before its schema made `input` of it */
function describe(
  tool: Tool,
  input: unknown,
  callId: string | undefined,
  config: Config | undefined,
  form: Form,
  argument: unknown,
): ActionCall<unknown> {
  const session = currentSession();
  const approval = approvalOf(session, callId, tool.name, isToolCall(argument) ? argument.args : argument);
  return {
    tool: { name: tool.name, type: 'function', callId },
    arguments: input,
    reason: callId === undefined || wasAsked(session, callId) ? undefined : reasonIn(messagesIn(config?.state), callId),
    approvals: approval.links,
    signal: config?.signal,
    awaited: 'promise',
    statusOfError: (error) => {
      approval.threw(error);
      return statusOfError(error, config?.signal);
    },
    refused: (refusal) => {
      if (callId === undefined) throw new ActionDenied(refusal);
      const message = refusalMessage(refusal, callId, form);
      return tool.responseFormat === 'content_and_artifact' ? [message, undefined] : message;
    },
    dedupe: dedupeKey(tool.name, callId),
  };
}

/** One call that a ToolNode and the tool itself both see is one action. */
export function dedupeKey(name: string, callId: string | undefined): string | undefined {
  return callId === undefined ? undefined : `langchain ${callId} ${name}`;
}

/**
 * A result, not an error: an error ends the run where the agent has a middleware around its tools. As a message of status `error`
 * it does not end the run of a tool that returns directly either. @langchain/core 0.2 knows no such results: the text has to do.
 */
export function refusalMessage({ tool, message }: Refusal, callId: string, { toolMessage: ToolMessage }: Form): unknown {
  if (ToolMessage === undefined) return message;
  return new ToolMessage({ status: 'error', content: message, tool_call_id: callId, name: tool });
}
