import * as agents from '@openai/agents';
import * as zod from 'zod';
import { reach } from '../openai-agents/reach-program.mjs';

await reach(agents, zod);
