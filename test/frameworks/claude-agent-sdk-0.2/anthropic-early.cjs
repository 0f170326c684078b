const Anthropic = require('@anthropic-ai/sdk');

import('../anthropic-0/early-program.mjs').then(({ run }) => run({ Anthropic }));
