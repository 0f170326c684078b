import type { ModelRequest, ToolDefinition } from '../../types.js';
import { isRecord, type LlmRequest } from './types.js';

/** As the framework itself names what it runs on, in its own telemetry. */
const PROVIDER = 'gcp.vertex.agent';

/** What a model call really sends: after instructions, tools and every callback had their say. */
export function requestOf({ model: named, config }: LlmRequest, llm: unknown): ModelRequest {
  const texts = textsOf(config?.systemInstruction);
  const own = isRecord(llm) ? llm['model'] : undefined;
  return {
    systemPrompt: texts.length === 0 ? '' : texts,
    tools: (Array.isArray(config?.tools) ? (config.tools as unknown[]) : []).flatMap(definitions),
    model: { provider: PROVIDER, name: String(named ?? own ?? '') },
  };
}

/** Text, or content in one of the forms that the API takes for it. */
function textsOf(instruction: unknown): string[] {
  if (typeof instruction === 'string') return instruction === '' ? [] : [instruction];
  if (Array.isArray(instruction)) return instruction.flatMap(textsOf);
  if (!isRecord(instruction)) return [];
  return textsOf(instruction['parts'] ?? instruction['text'] ?? '');
}

/** One entry declares functions, or names tools that run at the provider. */
function definitions(entry: unknown): ToolDefinition[] {
  if (!isRecord(entry)) return [];
  return Object.entries(entry).flatMap(([name, value]): ToolDefinition[] => {
    if (value === undefined) return [];
    if (name !== 'functionDeclarations') return [{ name, parameters: value }];
    return (Array.isArray(value) ? (value as unknown[]) : []).filter(isRecord).map((declaration) => ({
      name: String(declaration['name']),
      description: typeof declaration['description'] === 'string' ? declaration['description'] : undefined,
      parameters: declaration['parametersJsonSchema'] ?? declaration['parameters'],
    }));
  });
}
