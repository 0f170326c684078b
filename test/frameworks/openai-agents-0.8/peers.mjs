import * as agents from '@openai/agents';
import * as zod from 'zod';
import { run } from '../openai-agents/peers-program.mjs';

await run(agents, zod);
