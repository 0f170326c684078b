import type { Adapter } from './adapter.js';
import { adkAdapter } from './adk.js';
import { aiAdapter } from './ai.js';
import { anthropicAdapter } from './anthropic.js';
import { claudeAgentSdkAdapter } from './claude-agent-sdk.js';
import { langchainAdapter } from './langchain.js';
import { mastraAdapter } from './mastra.js';
import { mcpAdapter } from './mcp.js';
import { mcpServerAdapter } from './mcp-server.js';
import { openAiAdapter } from './openai.js';

import { openaiAgentsAdapter } from './openai-agents.js';

export const ADAPTERS: readonly Adapter[] = [
  aiAdapter,
  mcpAdapter,
  mcpServerAdapter,
  openAiAdapter,
  anthropicAdapter,
  claudeAgentSdkAdapter,
  langchainAdapter,
  openaiAgentsAdapter,
  mastraAdapter,
  adkAdapter,
];
