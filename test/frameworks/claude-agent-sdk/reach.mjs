import * as sdk from '@anthropic-ai/claude-agent-sdk';
import { reach } from '../claude-agent-sdk/reach-program.mjs';

await reach(sdk);
