import Anthropic from '@anthropic-ai/sdk';
import { run } from '../anthropic-0/early-program.mjs';

await run({ Anthropic });
