import { Server } from '@modelcontextprotocol/server';
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { handled, tools } from './server-program.mjs';

const server = new Server({ name: 'server', version: '1.0.0' }, { capabilities: { tools: {} } });
const listed = Object.keys(tools).map((name) => ({ name, inputSchema: { type: 'object' } }));
server.setRequestHandler('tools/list', () => ({ tools: listed }));
server.setRequestHandler('tools/call', (request, ctx) => handled(request, ctx.mcpReq.signal));
await server.connect(new StdioServerTransport());
