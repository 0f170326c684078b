const { McpServer } = require('@modelcontextprotocol/server');
const { StdioServerTransport } = require('@modelcontextprotocol/server/stdio');
const { z } = require('zod');

const server = new McpServer({ name: 'server', version: '1.0.0' });
import('./server-program.mjs').then(({ registered }) =>
  registered(server, z.object, (ctx) => ctx.mcpReq.signal).connect(new StdioServerTransport()),
);
