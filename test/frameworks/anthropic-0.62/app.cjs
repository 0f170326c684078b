const Anthropic = require('@anthropic-ai/sdk');

import('./program.mjs').then(({ run }) => run({ Anthropic }));
