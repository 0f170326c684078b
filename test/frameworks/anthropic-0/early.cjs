const Anthropic = require('@anthropic-ai/sdk');

import('./early-program.mjs').then(({ run }) => run({ Anthropic }));
