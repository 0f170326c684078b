import Anthropic from '@anthropic-ai/sdk';
import { run } from './early-program.mjs';

await run({ Anthropic });
