import OpenAI from 'openai';
import { zodFunction } from 'openai/helpers/zod';
import { z } from 'zod';
import { run } from './program.mjs';

await run({ OpenAI, zodFunction, z });
