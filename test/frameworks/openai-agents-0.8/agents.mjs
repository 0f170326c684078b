import * as agents from '@openai/agents';
import * as zod from 'zod';
import { run } from '../openai-agents/agents-program.mjs';

await run(agents, zod);
