import type { Exports } from '../adapter.js';

interface Core {
  readonly Agent: new (options: object) => { generate(prompt: string, options: object): Promise<unknown> };
}

/** Has an agent call the tool `name` once; the model is a few lines, in the specification that versions since 1 take. */
export async function probeMastra(load: (specifier: string) => Promise<Exports>, name: string): Promise<void> {
  const { Agent } = (await load('@mastra/core/agent')) as unknown as Core;
  const usage = { inputTokens: 1, outputTokens: 1, totalTokens: 2 };
  const answer = {
    content: [{ type: 'tool-call', toolCallId: name, toolName: name, input: '{}' }],
    finishReason: 'tool-calls',
    usage,
    warnings: [],
  };
  const model = {
    specificationVersion: 'v2',
    provider: 'agent-custody',
    modelId: 'probe',
    supportedUrls: {},
    doGenerate: () => Promise.resolve(answer),
    doStream: () => Promise.reject(new Error('the probe does not stream')),
  };
  const tool = { id: name, description: name, execute: () => Promise.resolve('done') };
  const agent = new Agent({ id: name, name, instructions: '', model, tools: { [name]: tool } });
  await agent.generate('Call the tool.', { maxSteps: 1 });
}
