import OpenAI from 'openai';
import { reach } from '../openai/reach-program.mjs';

await reach(OpenAI);
