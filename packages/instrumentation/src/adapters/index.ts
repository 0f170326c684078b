import type { Adapter } from './adapter.js';
import { aiAdapter } from './ai.js';
import { mcpAdapter } from './mcp.js';

export const ADAPTERS: readonly Adapter[] = [aiAdapter, mcpAdapter];
