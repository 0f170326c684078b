const Anthropic = require('@anthropic-ai/sdk');
const { mcpTools } = require('@anthropic-ai/sdk/helpers/beta/mcp');
const { betaMemoryTool } = require('@anthropic-ai/sdk/helpers/beta/memory');
const { BetaAbstractComputerToolset20260801 } = require('@anthropic-ai/sdk/helpers/beta/toolsets');
const { betaAgentToolset20260401 } = require('@anthropic-ai/sdk/tools/agent-toolset/node');

const helpers = { mcpTools, betaMemoryTool, BetaAbstractComputerToolset20260801, betaAgentToolset20260401 };
import('./helpers-program.mjs').then(({ run }) => run({ Anthropic, helpers }));
