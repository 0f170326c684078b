import type { Exports } from '../adapter.js';

interface Sdk {
  generateText(options: object): Promise<unknown>;
  jsonSchema(schema: object): unknown;
}

/** Calls the tool `name` through generateText; the model is a few lines, in the specification that the version speaks. */
export async function probeAi(load: (specifier: string) => Promise<Exports>, name: string): Promise<void> {
  const exports = await load('ai');
  const ai = exports as unknown as Sdk;
  const six = 'ToolLoopAgent' in exports;
  const answer = {
    content: [{ type: 'tool-call', toolCallId: name, toolName: name, input: '{}' }],
    finishReason: six ? { unified: 'tool-calls', raw: 'tool-calls' } : 'tool-calls',
    usage: six ? { inputTokens: { total: 1 }, outputTokens: { total: 1 } } : { inputTokens: 1, outputTokens: 1, totalTokens: 2 },
    warnings: [],
  };
  const model = {
    specificationVersion: six ? 'v3' : 'v2',
    provider: 'agent-custody',
    modelId: 'probe',
    supportedUrls: {},
    doGenerate: () => Promise.resolve(answer),
    doStream: () => Promise.reject(new Error('the probe does not stream')),
  };
  const tool = { inputSchema: ai.jsonSchema({ type: 'object' }), execute: () => 'done' };
  await ai.generateText({ model, prompt: 'Call the tool.', tools: { [name]: tool }, maxRetries: 0 });
}
