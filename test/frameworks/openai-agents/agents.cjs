const agents = require('@openai/agents');
const zod = require('zod');

import('./agents-program.mjs').then(({ run }) => run(agents, zod));
