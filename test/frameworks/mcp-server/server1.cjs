const { McpServer } = require('@modelcontextprotocol/sdk/server/mcp.js');
const { StdioServerTransport } = require('@modelcontextprotocol/sdk/server/stdio.js');

const server = new McpServer({ name: 'server', version: '1.0.0' });
import('./server-program.mjs').then(({ registered }) =>
  registered(
    server,
    (shape) => shape,
    (extra) => extra.signal,
  ).connect(new StdioServerTransport()),
);
