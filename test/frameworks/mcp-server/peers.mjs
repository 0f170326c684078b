import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { McpServer as FirstServer, ResourceTemplate } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';

/** Published servers, and what the SDKs' own examples show; prints everything that a client can observe. */
const installed = createRequire(new URL('../../../package.json', import.meta.url));
const fileOf = (name, file) => join(dirname(installed.resolve(`${name}/package.json`)), file);

async function over(transport, print, use) {
  const client = new Client({ name: 'peers', version: '1.0.0' });
  await client.connect(transport);
  const call = (name, input) =>
    client.callTool({ name, arguments: input }).catch((error) => ({ error: error.constructor.name, message: error.message }));
  await use({ client, call, print });
  await client.close();
}

const stdio = (...args) =>
  new StdioClientTransport({ command: process.execPath, args: [...process.execArgv, ...args], env: process.env, stderr: 'ignore' });

async function everything(print) {
  await over(stdio(fileOf('@modelcontextprotocol/server-everything', 'dist/index.js'), 'stdio'), print, async ({ client, call }) => {
    print({ tools: (await client.listTools()).tools.map(({ name }) => name) });
    print(await call('echo', { message: 'hello' }));
    print(await call('get-sum', { a: 2, b: 3 }));
    print(await call('get-structured-content', { location: 'Chicago' }));
    print(await call('get-sum', { a: 'two' }));
    print({ prompts: (await client.listPrompts()).prompts.length });
  });
}

async function filesystem(print) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'agent-custody-peers-')));
  const clean = (value) => print(JSON.parse(JSON.stringify(value).replaceAll(folder, '/folder')));
  await over(stdio(fileOf('@modelcontextprotocol/server-filesystem', 'dist/index.js'), folder), print, async ({ call }) => {
    clean(await call('write_file', { path: join(folder, 'a.txt'), content: 'one\ntwo\n' }));
    clean(await call('edit_file', { path: join(folder, 'a.txt'), edits: [{ oldText: 'two', newText: 'three' }] }));
    clean(await call('read_text_file', { path: join(folder, 'a.txt') }));
    clean(await call('list_directory', { path: folder }));
    clean(await call('read_text_file', { path: '/etc/passwd' }));
  });
  rmSync(folder, { recursive: true });
}

/** The echo server of version 1's guide, over HTTP, without state. */
async function echoOverHttp(print) {
  const make = () => {
    const server = new FirstServer({ name: 'echo', version: '1.0.0' });
    const echo = { title: 'Echo', description: 'Echoes back', inputSchema: { message: z.string() }, outputSchema: { echo: z.string() } };
    server.registerTool('echo', echo, async ({ message }) => {
      const output = { echo: `Tool echo: ${message}` };
      return { content: [{ type: 'text', text: JSON.stringify(output) }], structuredContent: output };
    });
    const template = new ResourceTemplate('echo://{message}', { list: undefined });
    server.registerResource('echo', template, {}, async (uri, { message }) => ({
      contents: [{ uri: uri.href, text: `Resource ${message}` }],
    }));
    server.registerPrompt('echo', { argsSchema: { message: z.string() } }, ({ message }) => ({
      messages: [{ role: 'user', content: { type: 'text', text: message } }],
    }));
    return server;
  };
  const http = createServer(async (request, response) => {
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
    await make().connect(transport);
    await transport.handleRequest(request, response);
  });
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
  const url = new URL(`http://127.0.0.1:${http.address().port}/mcp`);
  await over(new StreamableHTTPClientTransport(url), print, async ({ client, call }) => {
    print(await call('echo', { message: 'hi' }));
    print(await client.readResource({ uri: 'echo://hi' }));
    print(await client.getPrompt({ name: 'echo', arguments: { message: 'hi' } }));
  });
  http.closeAllConnections();
  http.close();
}

/** A server of version 2 behind a fetch handler: tools that are found, refused and fail. */
async function bmiOverFetch(print) {
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: 'health', version: '1.0.0' });
    const inputSchema = z.object({ weightKg: z.number(), heightM: z.number() });
    server.registerTool('calculate-bmi', { inputSchema }, async ({ weightKg, heightM }) => ({
      content: [{ type: 'text', text: String(weightKg / (heightM * heightM)) }],
    }));
    server.registerTool('broken', {}, async () => Promise.reject(new Error('out of order')));
    return server;
  });
  const fetch = (url, init) => handler.fetch(new Request(url, init));
  await over(new StreamableHTTPClientTransport(new URL('http://health.example/mcp'), { fetch }), print, async ({ client, call }) => {
    print({ tools: (await client.listTools()).tools.map(({ name, inputSchema }) => [name, inputSchema]) });
    print(await call('calculate-bmi', { weightKg: 80, heightM: 2 }));
    print(await call('broken', {}));
  });
}

for (const example of [everything, filesystem, echoOverHttp, bmiOverFetch]) {
  await example((line) => console.log(JSON.stringify({ example: example.name, ...line })));
}
