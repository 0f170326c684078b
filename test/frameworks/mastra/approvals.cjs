const agent = require('@mastra/core/agent');
const mastra = require('@mastra/core/mastra');
const memory = require('@mastra/core/memory');
const storage = require('@mastra/core/storage');
const tools = require('@mastra/core/tools');
const workflows = require('@mastra/core/workflows');
const ai = require('ai');
const fakes = require('ai/test');
const { z } = require('zod');

const modules = { agent, ai, fakes, mastra, memory, storage, tools, workflows, z };
const steps = process.argv.slice(2);
import('./approvals-program.mjs').then(({ elsewhere, run }) => (steps.length > 0 ? elsewhere(modules, steps) : run(modules)));
