const ai = require('ai');
const fakes = require('ai/test');

import('../../../packages/instrumentation/test/fixtures/ai-program.mjs').then(({ run }) => run(ai, fakes));
