const sdk = require('@anthropic-ai/claude-agent-sdk');

import('../claude-agent-sdk/reach-program.mjs').then(({ reach }) => reach(sdk));
