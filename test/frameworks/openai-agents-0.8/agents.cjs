const agents = require('@openai/agents');
const zod = require('zod');

import('../openai-agents/agents-program.mjs').then(({ run }) => run(agents, zod));
