import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { reach } from './reach-client-program.mjs';

await reach({ Client, StdioClientTransport, request: (options) => [options] });
