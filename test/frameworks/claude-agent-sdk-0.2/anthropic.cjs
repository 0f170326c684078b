const Anthropic = require('@anthropic-ai/sdk');
const { betaZodTool } = require('@anthropic-ai/sdk/helpers/beta/zod');
const { ToolError } = require('@anthropic-ai/sdk/lib/tools/ToolError');
const { z } = require('zod');

import('../anthropic/program.mjs').then(({ run }) => run({ Anthropic, betaZodTool, ToolError, z }));
