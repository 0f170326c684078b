import type { ModelRequest as Sent, ToolDefinition } from '../../types.js';
import { isRecord, type ModelRequest, recordsIn, textOf } from './types.js';

/** What one call sends to the model. */
export function requestOf(model: unknown, request: ModelRequest): Sent {
  const tools = [...recordsIn(request.tools).map(definition), ...recordsIn(request.handoffs).map(handoff)];
  return { systemPrompt: systemPrompt(request), tools, model: modelOf(model) };
}

/** The tools that the runner runs for this request, by name for functions and by kind of call for the others. */
export function runsOf({ tools, handoffs }: ModelRequest): Set<string> {
  const runs = new Set(recordsIn(tools).map(kindOf));
  // A call of a handoff's name hands over.
  for (const { toolName } of recordsIn(handoffs)) runs.delete(`function ${textOf(toolName)}`);
  return runs;
}

function kindOf({ type, name, environment }: Readonly<Record<string, unknown>>): string {
  if (type === 'function') return `function ${textOf(name)}`;
  // A shell in a container of the provider's is the provider's.
  if (type === 'shell' && isRecord(environment) && environment['type'] !== 'local') return 'hosted shell';
  return `${textOf(type)}_call`;
}

/** Instructions, a prompt that lies at the provider, and whatever the input says in the system's name. */
function systemPrompt({ systemInstructions, prompt, input }: ModelRequest): string | string[] {
  const parts = [
    ...(typeof systemInstructions === 'string' ? [systemInstructions] : []),
    ...(isRecord(prompt) ? [JSON.stringify({ promptId: prompt['promptId'], version: prompt['version'] })] : []),
    ...recordsIn(input).flatMap(({ role, content }) => (role === 'system' || role === 'developer' ? textsIn(content) : [])),
  ];
  return parts.length === 0 ? '' : parts;
}

function textsIn(content: unknown): string[] {
  return typeof content === 'string' ? [content] : recordsIn(content).map((part) => textOf(part['text']));
}

function definition(tool: Readonly<Record<string, unknown>>): ToolDefinition {
  const { type, name, description, parameters, namespace, environment, dimensions, providerData } = tool;
  const full = typeof namespace === 'string' ? `${namespace}.${textOf(name)}` : textOf(name);
  if (type === 'function') return { name: full, description: textOf(description), parameters };
  // What it is and how it is set; not the credentials, which change and are nobody else's business.
  const { authorization: _, headers: __, ...settings } = isRecord(providerData) ? providerData : {};
  return { name: full, description: textOf(type), parameters: { environment, dimensions, ...settings } };
}

function handoff({ toolName, toolDescription, inputJsonSchema }: Readonly<Record<string, unknown>>): ToolDefinition {
  return { name: textOf(toolName), description: textOf(toolDescription), parameters: inputJsonSchema };
}

/** Models have no common way to say their name. */
function modelOf(model: unknown): Sent['model'] {
  const own = isRecord(model) ? model : {};
  const kind = isRecord(model) ? model.constructor.name : 'unknown';
  const name = [own['_model'], own['model'], own['modelName'], own['modelId']].find((one) => typeof one === 'string' && one !== '');
  return { provider: kind.startsWith('OpenAI') ? 'openai' : kind, name: textOf(name) || kind };
}
