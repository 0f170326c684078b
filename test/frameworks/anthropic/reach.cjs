const Anthropic = require('@anthropic-ai/sdk');

import('./reach-program.mjs').then(({ reach }) => reach(Anthropic));
