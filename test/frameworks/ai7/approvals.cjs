const ai = require('ai');
const fakes = require('ai/test');

import('../../../packages/instrumentation/test/fixtures/ai-approvals-program.mjs').then(({ run }) => run(ai, fakes, process.argv.slice(2)));
