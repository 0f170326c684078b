import type { Exports } from '../adapter.js';

interface Adk {
  readonly BaseLlm: new (options: object) => object;
  readonly FunctionTool: new (options: object) => object;
  readonly LlmAgent: new (options: object) => object;
  readonly InMemoryRunner: new (options: object) => { runEphemeral(options: object): AsyncIterable<unknown> };
}

/** Has an agent call the tool `name` once; the model is a few lines. */
export async function probeAdk(load: (specifier: string) => Promise<Exports>, name: string): Promise<void> {
  const { BaseLlm, FunctionTool, LlmAgent, InMemoryRunner } = (await load('@google/adk')) as unknown as Adk;
  const parts: object[] = [{ functionCall: { id: name, name, args: {} } }, { text: 'over' }];
  class Scripted extends BaseLlm {
    async *generateContentAsync(): AsyncGenerator<unknown> {
      yield { content: { role: 'model', parts: parts.splice(0, 1) } };
    }
  }
  const tools = [new FunctionTool({ name, description: name, execute: () => 'done' })];
  const agent = new LlmAgent({ name: 'probe', model: new Scripted({ model: 'none' }), tools });
  const newMessage = { role: 'user', parts: [{ text: 'Call the tool.' }] };
  for await (const event of new InMemoryRunner({ agent }).runEphemeral({ userId: 'probe', newMessage })) void event;
}
