import { runAction } from '../../action.js';
import { guarded } from '../../errors.js';
import { sessionForAction } from '../../session.js';
import { patchesEnabled } from '../arming.js';
import { currentRun } from './run.js';

/** The parts of ai 6's telemetry events that are read here. */
interface StepStart {
  readonly model?: { readonly provider: string; readonly modelId: string };
  readonly system?: unknown;
  readonly messages?: readonly { readonly role: string; readonly content: unknown }[];
}
interface ToolStart {
  readonly toolCall: { readonly toolName: string; readonly toolCallId: string; readonly input: unknown };
  readonly abortSignal?: AbortSignal;
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
 * For copies of ai 6 that no hook reaches: bundled into the application, or imported before the instrumentation. Its events tell of
 * each tool call before it runs and wait for the listener, so intent and outcome are recorded in their order; the reason and the
 * tools' schemas are not among them. Inside a run that is patched the events add nothing and are ignored.
 */
const listener = {
  onStepStart(event: StepStart): void {
    if (!unpatched()) return;
    guarded('measuring a model call', () => {
      const { model } = event;
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
    const tool = { name: toolCall.toolName, type: 'function', callId: toolCall.toolCallId };
    const { input } = toolCall;
    if (typeof input === 'object' && input !== null) inputs.add(input);
    // The error is the framework's to deal with; here it only makes the outcome.
    runAction({ tool, arguments: input, signal: abortSignal }, () => ran(toolCall)).catch(() => undefined);
  },

  onToolCallFinish({ toolCall, success, output, error }: ToolFinish): void {
    const waiting = pending.get(toolCall);
    if (success) waiting?.resolve(output);
    else waiting?.reject(error);
  },
};

/** Settles as the tool does. */
function ran(toolCall: object): Promise<unknown> {
  return new Promise((resolve, reject) => pending.set(toolCall, { resolve, reject }));
}

function unpatched(): boolean {
  return patchesEnabled() && currentRun() === undefined;
}

function systemPrompt({ system, messages = [] }: StepStart): string | string[] {
  const given = (Array.isArray(system) ? (system as unknown[]) : system === undefined ? [] : [system]).map(textOf);
  const parts = [...given, ...messages.filter(({ role }) => role === 'system').map(textOf)];
  return parts.length === 0 ? '' : parts;
}

function textOf(part: unknown): string {
  return typeof part === 'object' && part !== null && 'content' in part ? String(part.content) : String(part);
}

/** Adds the listener to the list that every copy of ai 6 in the process reads; once. */
export function listenToEvents(): void {
  const holder = globalThis as { AI_SDK_TELEMETRY_INTEGRATIONS?: unknown[] };
  holder.AI_SDK_TELEMETRY_INTEGRATIONS ??= [];
  const listening = holder.AI_SDK_TELEMETRY_INTEGRATIONS.some((one) => typeof one === 'object' && one !== null && MARK in one);
  if (!listening) holder.AI_SDK_TELEMETRY_INTEGRATIONS.push(Object.assign(listener, { [MARK]: true }));
}

const MARK = Symbol.for('agent-custody.instrumentation.v1.ai-events');
