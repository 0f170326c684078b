import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { z } from 'zod';
import { serve } from './reach-server-program.mjs';

const requestOf = ({ signal, requestId: id, _meta }) => ({ signal, id, _meta });
await serve(new McpServer({ name: 'reach', version: '1.0.0' }), new StdioServerTransport(), { z, shapeOf: (shape) => shape, requestOf });
