import { McpServer } from '@modelcontextprotocol/server';
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { z } from 'zod';
import { registered } from './server-program.mjs';

const server = new McpServer({ name: 'server', version: '1.0.0' });
await registered(server, z.object, (ctx) => ctx.mcpReq.signal).connect(new StdioServerTransport());
