import { serveRuns } from './runs.js';
import { tracing } from './ways-out.js';

// One process for each way to look at the same agent run, named by the first argument; the second says where spans go.
const [, , way, url] = process.argv;

/** @type {() => Promise<unknown>} */
let finish = () => Promise.resolve();
if (way === 'custody') {
  // Before the framework is loaded, as its documentation says.
  const { custody } = await import('./custody.js');
  finish = custody(url);
} else if (way === 'telemetry') {
  const provider = tracing(url);
  finish = () => provider.forceFlush();
}

const { generateText, stepCountIs, tool } = await import('ai');
const { MockLanguageModelV3 } = await import('ai/test');
const { z } = await import('zod');

const USAGE = {
  inputTokens: { total: 210, noCache: 210, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 34, text: 34, reasoning: 0 },
};
/** @typedef {Awaited<ReturnType<InstanceType<typeof MockLanguageModelV3>['doGenerate']>>} Answer */

/** @type {Answer} */
const ASKS = {
  content: [
    { type: 'text', text: 'The invoice is overdue, so I remind the customer.' },
    {
      type: 'tool-call',
      toolCallId: 'call_1',
      toolName: 'send_email',
      input: JSON.stringify({ to: 'customer@example.com', subject: 'Invoice 4711 is overdue', body: 'Please pay 120.50 EUR by Friday.' }),
    },
  ],
  finishReason: { unified: 'tool-calls', raw: 'tool_calls' },
  usage: USAGE,
  warnings: [],
};
const REPLY = 'The customer has been reminded.';
/** @type {Answer} */
const ANSWERS = {
  content: [{ type: 'text', text: REPLY }],
  finishReason: { unified: 'stop', raw: 'stop' },
  usage: USAGE,
  warnings: [],
};

const sendEmail = tool({
  description: 'Sends an e-mail',
  inputSchema: z.object({ to: z.string(), subject: z.string(), body: z.string() }),
  execute: async ({ to }) => ({ sent: true, to }),
});

async function agentRun() {
  let step = 0;
  const { text } = await generateText({
    model: new MockLanguageModelV3({ doGenerate: async () => (step++ === 0 ? ASKS : ANSWERS) }),
    system: 'You reconcile invoices and remind customers of those that are overdue.',
    prompt: 'Look after invoice 4711.',
    tools: { send_email: sendEmail },
    stopWhen: stepCountIs(3),
    experimental_telemetry: { isEnabled: way === 'telemetry' },
  });
  if (text !== REPLY) throw new Error(`the run went wrong: ${text}`);
}

serveRuns(agentRun, finish);
