const { Client } = require('@modelcontextprotocol/client');
const { StdioClientTransport } = require('@modelcontextprotocol/client/stdio');

import('./reach-client-program.mjs').then(({ reach }) => reach({ Client, StdioClientTransport, request: (options) => [options] }));
