import OpenAI from 'openai';
import { zodFunction, zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { run } from '../openai/peers.mjs';

await run({ OpenAI, zodFunction, zodResponseFormat, z });
