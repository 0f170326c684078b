import type { ModelRequest, ToolDefinition } from '../../types.js';
import type { MessageParams, ToolParam } from './types.js';

/** Reads what model calls send. A thread on the server sends system prompt and tools once, and they hold for all its turns. */
export class RequestReader {
  private systemPrompt: string[] | string = '';
  private tools: readonly ToolDefinition[] = [];

  read({ model, system, tools, thread }: MessageParams): ModelRequest {
    const goesOn = thread?.type === 'continue';
    if (!goesOn || system !== undefined) this.systemPrompt = textsOf(system);
    if (!goesOn || tools !== undefined) this.tools = (tools ?? []).map(definition);
    return { systemPrompt: this.systemPrompt, tools: this.tools, model: { provider: 'anthropic', name: String(model) } };
  }
}

function textsOf(system: unknown): string[] | string {
  if (!Array.isArray(system)) return typeof system === 'string' ? system : '';
  const texts = (system as { text?: unknown }[]).map(({ text }) => String(text));
  return texts.length === 0 ? '' : texts;
}

function definition(tool: ToolParam): ToolDefinition {
  const { name, mcp_server_name: server, type, description, input_schema: schema } = tool;
  if (schema !== undefined) return { name: String(name), description, parameters: schema };
  const settings = Object.fromEntries(Object.entries(tool).filter(([, value]) => typeof value !== 'function'));
  return { name: String(name ?? server ?? type), description: description ?? type, parameters: settings };
}
