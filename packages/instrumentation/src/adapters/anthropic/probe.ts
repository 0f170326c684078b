import type { Exports } from '../adapter.js';

interface Client {
  readonly beta?: { readonly messages?: { toolRunner?(params: object): PromiseLike<unknown> } };
}

/** Has a tool runner call the tool `name` once, where the version has one; its requests are answered here. */
export async function probeToolRunner(load: (specifier: string) => Promise<Exports>, name: string): Promise<void> {
  const exports = await load('@anthropic-ai/sdk');
  const Anthropic = (exports['Anthropic'] ?? exports['default']) as new (options: object) => Client;
  const answers = [
    { content: [{ type: 'tool_use', id: name, name, input: {} }], stop_reason: 'tool_use' },
    { content: [{ type: 'text', text: 'over' }], stop_reason: 'end_turn' },
  ];
  const fetch = async (): Promise<Response> => {
    const body = { id: name, type: 'message', role: 'assistant', model: 'none', usage: {}, ...answers.shift() };
    return new Response(JSON.stringify(body), { headers: { 'content-type': 'application/json' } });
  };
  const client = new Anthropic({ apiKey: 'none', baseURL: 'http://127.0.0.1', fetch });
  const tool = { name, description: '', input_schema: { type: 'object' }, run: () => 'done' };
  await client.beta?.messages?.toolRunner?.({ model: 'none', max_tokens: 1, messages: [{ role: 'user', content: '.' }], tools: [tool] });
}
