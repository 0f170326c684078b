import { join } from 'node:path';
import { describe } from 'vitest';
import { claimIdentical } from './support/examples.js';
import { FRAMEWORKS } from './support/process.js';

const EXAMPLES = [
  'weather',
  'translators',
  'story',
  'routing',
  'escalation',
  'guardrails',
  'approval',
  'forced',
  'lifecycle',
  'context',
  'judged',
  'provider',
];
const TOOLS = ['get_weather', 'translate_with_spanish_agent', 'translate_with_french_agent', 'add', 'get_temperature', 'weather', 'who'];

describe.each(['openai-agents', 'openai-agents-0.8'])('an example from the repository of the OpenAI Agents SDK, with %s', (folder) => {
  claimIdentical(join(FRAMEWORKS, folder, 'peers.mjs'), EXAMPLES, TOOLS);
});
