import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { reach } from './reach-client-program.mjs';

await reach({ Client, StdioClientTransport, request: (options) => [undefined, options] });
