const { Client } = require('@modelcontextprotocol/sdk/client');
const { StdioClientTransport } = require('@modelcontextprotocol/sdk/client/stdio.js');

import('./reach-client-program.mjs').then(({ reach }) =>
  reach({ Client, StdioClientTransport, request: (options) => [undefined, options] }),
);
