const OpenAI = require('openai');

import('../openai/reach-program.mjs').then(({ reach }) => reach(OpenAI));
