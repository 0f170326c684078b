import Anthropic from '@anthropic-ai/sdk';
import { reach } from './reach-program.mjs';

await reach(Anthropic);
