import * as sdk from '@anthropic-ai/claude-agent-sdk';
import { z } from 'zod';
import { run } from './approvals-program.mjs';

await run(sdk, z, process.argv[2]);
