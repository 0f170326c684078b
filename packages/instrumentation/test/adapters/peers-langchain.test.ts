import { join } from 'node:path';
import { describe } from 'vitest';
import { claimIdentical } from './support/examples.js';
import { FRAMEWORKS } from './support/process.js';

const EXAMPLES = ['weather', 'calculator', 'retrieval', 'assistants', 'jokes', 'essay', 'travel', 'network', 'chains', 'fakes'];
const TOOLS = [
  'get_user_location',
  'get_weather_for_location',
  'add',
  'multiply',
  'retrieve',
  'mailer',
  'send_email',
  'search',
  'to_hotels',
];

describe('an example from the documentation of LangChain and LangGraph', () => {
  claimIdentical(join(FRAMEWORKS, 'langchain/peers.mjs'), EXAMPLES, TOOLS);
});
