import * as sdk from '@anthropic-ai/claude-agent-sdk';
import { z } from 'zod';
import { run } from './peers.mjs';

await run(sdk, z);
