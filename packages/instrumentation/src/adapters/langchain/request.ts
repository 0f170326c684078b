import type { ModelRequest, ToolDefinition } from '../../types.js';
import { type ChatModel, isRecord, type Message, typeOf } from './types.js';

/** What a call of a chat model sends: its messages, and the options that it makes the provider's parameters from. */
export function requestOf(model: ChatModel, messages: readonly Message[], options: unknown): ModelRequest {
  const params = paramsOf(model, options);
  return { systemPrompt: systemPrompt(messages), tools: toolsOf(params), model: modelOf(model, options) };
}

/** The provider's own parameters where the model tells them; else the options as they were bound. */
function paramsOf(model: ChatModel, options: unknown): Readonly<Record<string, unknown>> {
  const own = model.invocationParams?.(options);
  const bound = isRecord(options) ? options : {};
  return isRecord(own) && (own['tools'] !== undefined || own['toolConfig'] !== undefined) ? own : bound;
}

function systemPrompt(messages: readonly Message[]): string | string[] {
  const parts = messages.filter(isSystem).flatMap(({ content }) => textsOf(content));
  return parts.length === 0 ? '' : parts;
}

function isSystem(message: Message): boolean {
  return typeOf(message) === 'system' || message.role === 'system' || message.role === 'developer';
}

function textsOf(content: unknown): string[] {
  if (typeof content === 'string') return [content];
  if (!Array.isArray(content)) return [];
  return (content as unknown[]).map((block) => {
    if (typeof block === 'string') return block;
    return isRecord(block) && typeof block['text'] === 'string' ? block['text'] : JSON.stringify(block);
  });
}

/** Tools in the forms of the providers: OpenAI's two, Anthropic's, Google's, Bedrock's, and LangChain's own. */
function toolsOf({ tools, toolConfig, functions }: Readonly<Record<string, unknown>>): ToolDefinition[] {
  const nested = isRecord(toolConfig) ? toolConfig['tools'] : undefined;
  return [tools ?? nested, functions].flatMap((list) => (Array.isArray(list) ? (list as unknown[]).flatMap(definitions) : []));
}

function definitions(tool: unknown): ToolDefinition[] {
  if (!isRecord(tool)) return [];
  const { functionDeclarations, function: own, toolSpec } = tool;
  if (Array.isArray(functionDeclarations)) return (functionDeclarations as unknown[]).flatMap(definitions);
  for (const inner of [own, toolSpec]) if (isRecord(inner)) return definitions(inner);
  const { name, type, description } = tool;
  // A provider's own tool has no schema: what it is and how it is set says what the model may do with it.
  if (typeof name !== 'string') return [{ name: typeof type === 'string' ? type : 'unknown', parameters: tool }];
  const parameters = parametersOf(tool);
  const plain = typeof description === 'string' ? description : undefined;
  return [parameters === undefined ? { name, description: plain, parameters: settings(tool) } : { name, description: plain, parameters }];
}

function parametersOf({ parameters, input_schema, inputSchema, schema }: Readonly<Record<string, unknown>>): unknown {
  const given = parameters ?? input_schema ?? (isRecord(inputSchema) && 'json' in inputSchema ? inputSchema['json'] : inputSchema);
  return given ?? (schema === undefined ? undefined : jsonSchema(schema));
}

/** A tool that a model takes as LangChain's own object, its schema as JSON Schema where the schema library can say it. */
function jsonSchema(schema: unknown): unknown {
  const standard = isRecord(schema) ? schema['~standard'] : undefined;
  const converter = isRecord(standard) ? standard['jsonSchema'] : undefined;
  const input = isRecord(converter) ? converter['input'] : undefined;
  if (typeof input === 'function') return Reflect.apply(input as (options: object) => unknown, converter, [{ target: 'draft-2020-12' }]);
  // zod 3 keeps the properties behind a function, which canonical JSON would leave out.
  const shape = isRecord(schema) ? schema['shape'] : undefined;
  return shape ?? schema;
}

function settings(tool: Readonly<Record<string, unknown>>): unknown {
  const { name: _, description: __, ...rest } = tool;
  return Object.keys(rest).length === 0 ? undefined : rest;
}

function modelOf(model: ChatModel, options: unknown): ModelRequest['model'] {
  const told = model.getLsParams?.(options);
  const { ls_provider: provider, ls_model_name: name } = isRecord(told) ? told : {};
  const kind = model._llmType?.() ?? 'unknown';
  const known = [name, model.modelName, model.model].find((one): one is string => typeof one === 'string' && one !== '');
  return { provider: typeof provider === 'string' && provider !== '' ? provider : kind, name: known ?? kind };
}
