const { McpServer } = require('@modelcontextprotocol/sdk/server/mcp.js');
const { StdioServerTransport } = require('@modelcontextprotocol/sdk/server/stdio.js');
const { z } = require('zod');

const server = new McpServer({ name: 'reach', version: '1.0.0' });
const requestOf = ({ signal, requestId: id, _meta }) => ({ signal, id, _meta });
import('./reach-server-program.mjs').then(({ serve }) =>
  serve(server, new StdioServerTransport(), { z, shapeOf: (shape) => shape, requestOf }),
);
