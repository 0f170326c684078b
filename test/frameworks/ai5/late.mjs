import { CustodyInstrumentation, status } from '@agent-custody/instrumentation';
import * as ai from 'ai';
import * as fakes from 'ai/test';

// The framework is imported with everything else, and the instrumentation comes after it.
new CustodyInstrumentation();

const step = (content, finishReason) => ({
  content,
  finishReason,
  usage: { inputTokens: 1, outputTokens: 1, totalTokens: 2 },
  warnings: [],
});
const steps = [
  step([{ type: 'tool-call', toolCallId: 'c1', toolName: 'act', input: '{}' }], 'tool-calls'),
  step([{ type: 'text', text: 'over' }], 'stop'),
];
const { text } = await ai.generateText({
  model: new fakes.MockLanguageModelV2({ doGenerate: async () => steps.shift() }),
  prompt: 'Act.',
  tools: { act: { inputSchema: ai.jsonSchema({ type: 'object' }), execute: () => console.log('the tool ran') } },
  stopWhen: ai.stepCountIs(2),
});
console.log(text);
console.log(JSON.stringify(status().adapters));
