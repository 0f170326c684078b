const agents = require('@openai/agents');
const zod = require('zod');

import('./reach-program.mjs').then(({ reach }) => reach(agents, zod));
