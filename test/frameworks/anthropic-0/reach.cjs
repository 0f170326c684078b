const Anthropic = require('@anthropic-ai/sdk');

import('../anthropic/reach-program.mjs').then(({ reach }) => reach(Anthropic));
