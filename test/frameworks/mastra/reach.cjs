const agent = require('@mastra/core/agent');
const mastra = require('@mastra/core/mastra');
const storage = require('@mastra/core/storage');
const tools = require('@mastra/core/tools');
const ai = require('ai');
const fakes = require('ai/test');
const { z } = require('zod');

import('./reach-program.mjs').then(({ reach }) => reach({ agent, ai, fakes, mastra, storage, tools, z }));
