import type { Exports } from '../adapter.js';

interface Client {
  readonly chat: { readonly completions: { runTools(params: object): { done(): Promise<void> } } };
}

/** Has a run of the package call the tool `name` once; its requests are answered here. */
export async function probeRunTools(load: (specifier: string) => Promise<Exports>, name: string): Promise<void> {
  const exports = await load('openai');
  const OpenAI = (exports['OpenAI'] ?? exports['default']) as new (options: object) => Client;
  const calls = [{ id: name, type: 'function', function: { name, arguments: '{}' } }];
  const answers = [{ tool_calls: calls }, {}];
  const fetch = async (): Promise<Response> => {
    const message = { role: 'assistant', content: null, ...answers.shift() };
    const body = { id: name, object: 'chat.completion', choices: [{ index: 0, finish_reason: 'stop', message }] };
    return new Response(JSON.stringify(body), { headers: { 'content-type': 'application/json' } });
  };
  const client = new OpenAI({ apiKey: 'none', baseURL: 'http://127.0.0.1', fetch });
  const tool = { type: 'function', function: { name, description: '', parameters: {}, function: () => 'done' } };
  await client.chat.completions.runTools({ model: 'none', messages: [{ role: 'user', content: '' }], tools: [tool] }).done();
}
