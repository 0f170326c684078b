import { runAction } from '../../action.js';
import { guarded } from '../../errors.js';
import type { ActionStatus, ModelCall, ModelRequest, ToolDefinition } from '../../types.js';
import { Utterance } from './reason.js';
import type { AskingRun } from './run.js';
import type { CallOptions, Model, ModelTool, Part } from './types.js';

/** What this call sends, read from what the provider gets: after prepareStep, active tools and every conversion. */
export function requestOf(model: Model, options: CallOptions): ModelRequest {
  const system = (options.prompt ?? []).filter((message) => message.role === 'system').map((message) => String(message.content));
  return {
    systemPrompt: system.length === 0 ? '' : system,
    tools: (options.tools ?? []).map(definition),
    model: { provider: model.provider, name: model.modelId },
  };
}

/** A provider's own tool has no schema: its id and arguments say what it is. */
function definition(tool: ModelTool): ToolDefinition {
  return tool.type === 'function'
    ? { name: tool.name, description: tool.description, parameters: tool.inputSchema }
    : { name: tool.name, description: tool.id, parameters: tool.args };
}

/** The response to one model call, as it comes in: who asked for what, with which words. */
export class Response {
  private readonly utterance = new Utterance();
  private readonly unexplained = new Map<string, string>();

  constructor(
    private readonly run: AskingRun,
    private readonly call: ModelCall,
  ) {
    run.calls.modelCall();
  }

  /** Takes the parts in order. Never throws. */
  part(part: Part): void {
    guarded('reading the model response', () => {
      this.utterance.hear(part);
      if (part.type === 'tool-call') this.toolCall(part);
      if (part.type === 'tool-result' && part.preliminary !== true) this.providerResult(part);
      if (part.type === 'finish') this.explain();
    });
  }

  /** No more parts come, or nobody will read them. Never throws. */
  end(): void {
    guarded('ending the model call', () => this.explain());
  }

  /**
   * The call itself has settled. A stream's parts may come later, or never when nobody reads them: what keeps the session open
   * then is the hold of the run, not the call.
   */
  settled(): void {
    guarded('ending the model call', () => this.call.done());
  }

  private toolCall(part: Part): void {
    if (typeof part.toolCallId !== 'string' || typeof part.toolName !== 'string') return;
    const { toolCallId, toolName } = part;
    this.run.toolNames.set(toolCallId, toolName);
    const reason = this.utterance.reason();
    const runs = part.providerExecuted !== true && this.run.calls.runs(toolCallId, toolName);
    this.call.asked([{ callId: toolCallId, toolName, runs }], reason);
    if (reason === undefined) this.unexplained.set(toolCallId, toolName);
    if (part.providerExecuted === true) {
      const { name, approved = false } = this.run.providerCalls.get(toolCallId) ?? {};
      this.run.providerCalls.set(toolCallId, { name: toolName, input: part.input, approved: approved && name === toolName });
    }
  }

  /** A call that came before any words gets those that came after it. */
  private explain(): void {
    const reason = this.utterance.reason();
    if (reason === undefined || this.unexplained.size === 0) return;
    this.call.asked(
      [...this.unexplained].map(([callId, toolName]) => ({ callId, toolName })),
      reason,
    );
    this.unexplained.clear();
  }

  /**
   * A tool that the provider ran on its side is known only by its result: intent and outcome are recorded then, as what was
   * reported. No intent can come before it ran.
   */
  private providerResult(part: Part): void {
    if (typeof part.toolCallId !== 'string') return;
    const asked = this.run.providerCalls.get(part.toolCallId);
    if (asked === undefined) return;
    this.run.providerCalls.delete(part.toolCallId);
    const status: ActionStatus = part.isError === true ? 'error' : 'ok';
    runAction(
      {
        tool: { name: asked.name, type: 'extension', callId: part.toolCallId },
        arguments: parsed(asked.input),
        session: this.run.session,
        approvals: asked.approved ? [{ decision: 'approved' }] : [],
        statusOf: () => status,
      },
      () => part.result,
    );
  }
}

function parsed(input: unknown): unknown {
  if (typeof input !== 'string') return input;
  try {
    return JSON.parse(input) as unknown;
  } catch {
    return input;
  }
}
