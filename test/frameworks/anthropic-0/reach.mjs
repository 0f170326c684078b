import Anthropic from '@anthropic-ai/sdk';
import { reach } from '../anthropic/reach-program.mjs';

await reach(Anthropic);
