import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { handled, tools } from './server-program.mjs';

const server = new Server({ name: 'server', version: '1.0.0' }, { capabilities: { tools: {} } });
const listed = Object.keys(tools).map((name) => ({ name, inputSchema: { type: 'object' } }));
server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: listed }));
server.setRequestHandler(CallToolRequestSchema, (request, extra) => handled(request, extra.signal));
await server.connect(new StdioServerTransport());
