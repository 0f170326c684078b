import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { registered } from './server-program.mjs';

const server = new McpServer({ name: 'server', version: '1.0.0' });
await registered(
  server,
  (shape) => shape,
  (extra) => extra.signal,
).connect(new StdioServerTransport());
