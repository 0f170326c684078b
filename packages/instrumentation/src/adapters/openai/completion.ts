import { guarded } from '../../errors.js';
import type { ModelCall, ModelRequest, Reason, ToolDefinition } from '../../types.js';
import type { OpenAiRun } from './run.js';
import type { AssistantMessage, Completion, CompletionParams, Message, Tool } from './types.js';

/** Follows one model call of a run: what it sends, and what the answer asks for. */
export async function listen(run: OpenAiRun, params: CompletionParams, execute: () => Promise<unknown>): Promise<unknown> {
  const call = guarded('measuring a model call', () => run.session.modelCall(requestOf(params)));
  try {
    const completion = await execute();
    if (call) guarded('reading the model response', () => hear(run, call, params, completion as Completion));
    return completion;
  } finally {
    guarded('ending the model call', () => call?.done());
  }
}

/** Measured after the package made the request of it: this is what is sent. */
export function requestOf({ model, messages = [], tools = [] }: CompletionParams): ModelRequest {
  const system = messages.filter(({ role }) => role === 'system' || role === 'developer').flatMap(textsOf);
  return {
    systemPrompt: system.length === 0 ? '' : system,
    tools: tools.map(definition),
    model: { provider: 'openai', name: String(model) },
  };
}

function textsOf({ content }: Message): string[] {
  if (!Array.isArray(content)) return [String(content ?? '')];
  return (content as { text?: unknown }[]).flatMap(({ text }) => (typeof text === 'string' ? [text] : []));
}

function definition({ type, function: own, custom }: Tool): ToolDefinition {
  const described = own ?? { name: custom?.name, description: custom?.description, parameters: custom?.format };
  const { name, description, parameters } = described;
  return { name: String(name ?? type), ...(typeof description === 'string' && { description }), parameters };
}

function hear(run: OpenAiRun, call: ModelCall, { tools = [] }: CompletionParams, completion: Completion): void {
  const message = completion.choices?.[0]?.message;
  const calls = (message?.tool_calls ?? []).filter(({ type }) => type === 'function');
  const known = new Set(tools.flatMap(({ function: own }) => (own?.name === undefined ? [] : [own.name])));
  run.expect(calls);
  const asked = calls.flatMap(({ id, function: called }) => {
    const name = called?.name;
    if (typeof id !== 'string' || typeof name !== 'string') return [];
    // Of others the model is told that there are none.
    return [{ callId: id, toolName: name, runs: known.has(name) && (run.only === undefined || run.only === name) }];
  });
  if (message && asked.length > 0) run.asked(call, asked, reasonOf(message));
}

function reasonOf({ content, reasoning_content, reasoning }: AssistantMessage): Reason | undefined {
  if (typeof content === 'string' && content.trim() !== '') return { text: content, source: 'text' };
  const thinking = [reasoning_content, reasoning].find((part) => typeof part === 'string' && part.trim() !== '');
  return typeof thinking === 'string' ? { text: thinking, source: 'thinking' } : undefined;
}
