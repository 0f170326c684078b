import { audited, governTools } from '@agent-custody/instrumentation';
import { jsonSchema, simulateReadableStream, stepCountIs } from 'ai';

const usage = { inputTokens: { total: 1 }, outputTokens: { total: 1 } };
const inputSchema = jsonSchema({ type: 'object', properties: { to: { type: 'string' }, amount: { type: 'number' } } });
const book = audited('book', async ({ amount }) => `booked ${amount}`);

const tools = {
  pay: { description: 'Pays', inputSchema, execute: async ({ to, amount }) => `${await book({ amount })} for ${to}` },
  send_email: { description: 'Sends an e-mail', inputSchema, execute: async ({ to }) => `sent to ${to}` },
};

/** Options of generateText and streamText: a model that asks for two tools, and then is done. */
export function agentFor(to) {
  const asked = (toolCallId, toolName, input) => ({ type: 'tool-call', toolCallId, toolName, input: JSON.stringify(input) });
  const model = scripted([
    [{ type: 'text', text: 'The invoice is due.' }, asked('c1', 'pay', { to, amount: 7 }), asked('c2', 'send_email', { to })],
    [{ type: 'text', text: 'done' }],
  ]);
  return { model, system: 'You pay.', prompt: 'Pay.', tools: governTools(tools), stopWhen: stepCountIs(3) };
}

function scripted(answers) {
  const next = () => {
    const content = answers.shift();
    const finishReason = { unified: content.some(({ type }) => type === 'tool-call') ? 'tool-calls' : 'stop' };
    return { content, finishReason, usage };
  };
  return {
    specificationVersion: 'v3',
    provider: 'scripted',
    modelId: 'scripted-1',
    supportedUrls: {},
    doGenerate: async () => ({ ...next(), warnings: [] }),
    doStream: async () => {
      const { content, ...finish } = next();
      const chunks = [{ type: 'stream-start', warnings: [] }, ...content.flatMap(piecesOf), { type: 'finish', ...finish }];
      return { stream: simulateReadableStream({ chunks, initialDelayInMs: null, chunkDelayInMs: null }) };
    },
  };
}

function piecesOf(part, index) {
  if (part.type !== 'text') return [part];
  const id = String(index);
  return [
    { type: 'text-start', id },
    { type: 'text-delta', id, delta: part.text },
    { type: 'text-end', id },
  ];
}
