const ai = require('ai');
const fakes = require('ai/test');

import('../../../packages/instrumentation/test/fixtures/ai-reach.mjs').then(({ reach }) => reach(ai, fakes));
