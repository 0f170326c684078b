import * as agent from '@mastra/core/agent';
import * as mastra from '@mastra/core/mastra';
import * as storage from '@mastra/core/storage';
import * as tools from '@mastra/core/tools';
import * as ai from 'ai';
import * as fakes from 'ai/test';
import { z } from 'zod';
import { run } from './program.mjs';

await run({ agent, ai, fakes, mastra, storage, tools, z });
