import Anthropic from '@anthropic-ai/sdk';
import { mcpTools } from '@anthropic-ai/sdk/helpers/beta/mcp';
import { betaMemoryTool } from '@anthropic-ai/sdk/helpers/beta/memory';
import { BetaAbstractComputerToolset20260801 } from '@anthropic-ai/sdk/helpers/beta/toolsets';
import { betaAgentToolset20260401 } from '@anthropic-ai/sdk/tools/agent-toolset/node';
import { run } from '../anthropic/helpers-program.mjs';

await run({ Anthropic, helpers: { mcpTools, betaMemoryTool, BetaAbstractComputerToolset20260801, betaAgentToolset20260401 } });
