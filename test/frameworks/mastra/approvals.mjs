import * as agent from '@mastra/core/agent';
import * as mastra from '@mastra/core/mastra';
import * as memory from '@mastra/core/memory';
import * as storage from '@mastra/core/storage';
import * as tools from '@mastra/core/tools';
import * as workflows from '@mastra/core/workflows';
import * as ai from 'ai';
import * as fakes from 'ai/test';
import { z } from 'zod';
import { elsewhere, run } from './approvals-program.mjs';

const modules = { agent, ai, fakes, mastra, memory, storage, tools, workflows, z };
const steps = process.argv.slice(2);
await (steps.length > 0 ? elsewhere(modules, steps) : run(modules));
