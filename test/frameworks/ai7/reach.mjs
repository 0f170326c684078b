import * as ai from 'ai';
import * as fakes from 'ai/test';
import { reach } from '../../../packages/instrumentation/test/fixtures/ai-reach.mjs';

await reach(ai, fakes);
