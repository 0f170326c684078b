const agents = require('@openai/agents');
const zod = require('zod');

import('../openai-agents/reach-program.mjs').then(({ reach }) => reach(agents, zod));
