import Anthropic from '@anthropic-ai/sdk';
import { run } from './program.mjs';

await run({ Anthropic });
