const { McpServer } = require('@modelcontextprotocol/server');
const { StdioServerTransport } = require('@modelcontextprotocol/server/stdio');
const { z } = require('zod');

const server = new McpServer({ name: 'reach', version: '1.0.0' });
const requestOf = ({ mcpReq }) => mcpReq;
import('./reach-server-program.mjs').then(({ serve }) => serve(server, new StdioServerTransport(), { z, shapeOf: z.object, requestOf }));
