import * as sdk from '@anthropic-ai/claude-agent-sdk';
import { z } from 'zod';
import { run } from '../claude-agent-sdk/peers.mjs';

await run(sdk, z);
