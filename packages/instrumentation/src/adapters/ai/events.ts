import { runAction } from '../../action.js';
import { guarded } from '../../errors.js';
import { lookOnce, state } from '../../global.js';
import { sessionForAction } from '../../session.js';
import { patchesEnabled, reportUnarmed, statusesOf } from '../arming.js';
import { isGovernedName, wasGoverned } from './governed.js';
import { currentRun } from './run.js';

/** The parts of the telemetry events of ai 6 and 7 that are read here. */
interface StepStart {
  /** In 7 its two parts are the event's own. */
  readonly model?: { readonly provider: string; readonly modelId: string };
  readonly provider?: unknown;
  readonly modelId?: unknown;
  /** In 7 `instructions`. */
  readonly system?: unknown;
  readonly instructions?: unknown;
  readonly messages?: readonly { readonly role: string; readonly content: unknown }[];
}
interface ToolStart {
  readonly toolCall: { readonly toolName: string; readonly toolCallId: string; readonly input: unknown };
  readonly abortSignal?: AbortSignal;
}
/** Of ai 7. */
interface ToolExecution extends ToolStart {
  execute(): Promise<unknown>;
}
interface ToolFinish extends ToolStart {
  readonly success: boolean;
  readonly output?: unknown;
  readonly error?: unknown;
}

interface Pending {
  resolve(output: unknown): void;
  reject(error: unknown): void;
}

const pending = new WeakMap<object, Pending>();
const inputs = new WeakSet<object>();

/** Whether a tool call with this input is recorded by its events already. */
export function recordedByEvents(input: unknown): boolean {
  return typeof input === 'object' && input !== null && inputs.has(input);
}

/**
 * For copies of ai 6 and 7 that no hook reaches: bundled into the application, or imported before the instrumentation. The events tell
 * of each tool call before it runs and wait for the listener, so intent and outcome are recorded in their order; the reason and the
 * tools' schemas are not among them. Inside a run that is patched the events add nothing and are ignored. In 7 a call can leave
 * them out.
 */
const listener = {
  executeTool,

  onStepStart(event: StepStart): void {
    if (!unpatched()) return;
    guarded('saying that ai is unarmed', reportByEvents);
    guarded('measuring a model call', () => {
      const model = modelOf(event);
      const sent = {
        systemPrompt: systemPrompt(event),
        tools: null,
        ...(model && { model: { provider: model.provider, name: model.modelId } }),
      };
      sessionForAction().modelCall(sent).done();
    });
  },

  onToolCallStart({ toolCall, abortSignal }: ToolStart): void {
    if (!unpatched()) return;
    if (isGovernedName(toolCall.toolName)) return;
    const tool = { name: toolCall.toolName, type: 'function', callId: toolCall.toolCallId };
    const { input } = toolCall;
    if (typeof input === 'object' && input !== null) inputs.add(input);
    // The error is the framework's to deal with; here it only makes the outcome.
    runAction({ tool, arguments: input, signal: abortSignal, unstoppable: true }, () => ran(toolCall)).catch(() => undefined);
  },

  onToolCallFinish({ toolCall, success, output, error, abortSignal }: ToolFinish): void {
    if (unpatched() && isGovernedName(toolCall.toolName)) {
      if (wasGoverned(toolCall.toolCallId)) return;
      // Another tool by the name of a governed one: known too late to be told before it ran.
      const tool = { name: toolCall.toolName, type: 'function', callId: toolCall.toolCallId };
      const call = { tool, arguments: toolCall.input, signal: abortSignal, unstoppable: true };
      runAction(call, () => (success ? Promise.resolve(output) : Promise.reject(error))).catch(() => undefined);
      return;
    }
    const waiting = pending.get(toolCall);
    if (success) waiting?.resolve(output);
    else waiting?.reject(error);
  },
};

/** ai 7 has the tool run by whoever listens, who can refuse it. */
async function executeTool({ execute, toolCall, abortSignal }: ToolExecution): Promise<unknown> {
  const { toolName: name, toolCallId: callId, input } = toolCall;
  if (!unpatched() || isGovernedName(name)) return execute();
  if (typeof input === 'object' && input !== null) inputs.add(input);
  return runAction({ tool: { name, type: 'function', callId }, arguments: input, signal: abortSignal, awaited: 'promise' }, execute);
}

function modelOf({ model, provider, modelId }: StepStart): StepStart['model'] {
  if (model) return model;
  return typeof provider === 'string' && typeof modelId === 'string' ? { provider, modelId } : undefined;
}

/** Settles as the tool does. */
function ran(toolCall: object): Promise<unknown> {
  return new Promise((resolve, reject) => pending.set(toolCall, { resolve, reject }));
}

function unpatched(): boolean {
  return patchesEnabled() && currentRun() === undefined;
}

/** A copy that speaks of steps without a run around them; a run whose reader pulls from elsewhere does, too, where one is armed. */
function reportByEvents(): void {
  const known = (): boolean => ['ai', '@ai-sdk/provider-utils'].flatMap(statusesOf).some(({ state: own }) => own !== 'waiting');
  const report = (): void => {
    if (!known()) reportUnarmed('ai', 'bundled', undefined, 'heard by its events alone');
  };
  if (known()) return;
  // What is loaded says more than events can: the file, and perhaps another reason.
  lookOnce();
  if (state().configuration.settings.strict) report();
  else setImmediate(report);
}

function systemPrompt({ instructions, system = instructions, messages = [] }: StepStart): string | string[] {
  const given = (Array.isArray(system) ? (system as unknown[]) : system === undefined ? [] : [system]).map(textOf);
  const parts = [...given, ...messages.filter(({ role }) => role === 'system').map(textOf)];
  return parts.length === 0 ? '' : parts;
}

function textOf(part: unknown): string {
  return typeof part === 'object' && part !== null && 'content' in part ? String(part.content) : String(part);
}

/** Adds the listener to the list that every copy of ai 6 and 7 in the process reads; once. */
export function listenToEvents(): void {
  const holder = globalThis as { AI_SDK_TELEMETRY_INTEGRATIONS?: unknown[] };
  holder.AI_SDK_TELEMETRY_INTEGRATIONS ??= [];
  const listening = holder.AI_SDK_TELEMETRY_INTEGRATIONS.some((one) => typeof one === 'object' && one !== null && MARK in one);
  if (!listening) holder.AI_SDK_TELEMETRY_INTEGRATIONS.push(Object.assign(listener, { [MARK]: true }));
}

const MARK = Symbol.for('agent-custody.instrumentation.v1.ai-events');
