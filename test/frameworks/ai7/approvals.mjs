import * as ai from 'ai';
import * as fakes from 'ai/test';
import { run } from '../../../packages/instrumentation/test/fixtures/ai-approvals-program.mjs';

await run(ai, fakes, process.argv.slice(2));
