import * as adk from '@google/adk';
import { z } from 'zod';
import { run } from './program.mjs';

await run(adk, z);
