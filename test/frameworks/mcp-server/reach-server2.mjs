import { McpServer } from '@modelcontextprotocol/server';
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { z } from 'zod';
import { serve } from './reach-server-program.mjs';

const requestOf = ({ mcpReq }) => mcpReq;
await serve(new McpServer({ name: 'reach', version: '1.0.0' }), new StdioServerTransport(), { z, shapeOf: z.object, requestOf });
