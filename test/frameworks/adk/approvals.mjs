import * as adk from '@google/adk';
import { z } from 'zod';
import { elsewhere, run } from './approvals-program.mjs';

const steps = process.argv.slice(2);
await (steps.length > 0 ? elsewhere(adk, z, steps) : run(adk, z));
