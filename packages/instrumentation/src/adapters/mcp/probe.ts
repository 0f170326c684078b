import type { Exports } from '../adapter.js';

type Load = (specifier: string) => Promise<Exports>;

interface Message {
  readonly id?: number | string;
  readonly method?: string;
}
interface Transport {
  onmessage?: (message: Message) => void;
  start(): Promise<void>;
  send(message: unknown): Promise<void>;
  close(): Promise<void>;
}
interface Peer {
  connect(transport: Transport): Promise<void>;
  close(): Promise<void>;
}
interface Client extends Peer {
  callTool(params: { name: string; arguments: object }): Promise<unknown>;
}
interface Server extends Peer {
  registerTool(name: string, config: object, handler: () => unknown): unknown;
}

const IMPLEMENTATION = { name: 'agent-custody-doctor', version: '1' };
const PROTOCOL = '2025-06-18';
const RESULT = { content: [] };

/** The main export of a client of either version, and the transport that needs no network. */
const CLIENTS = [
  ['@modelcontextprotocol/sdk/client/index.js', '@modelcontextprotocol/sdk/inMemory.js'],
  ['@modelcontextprotocol/client', '@modelcontextprotocol/client'],
] as const;
const SERVERS = [
  ['@modelcontextprotocol/sdk/server/mcp.js', '@modelcontextprotocol/sdk/inMemory.js'],
  ['@modelcontextprotocol/server', '@modelcontextprotocol/server'],
] as const;

/** Calls the tool `name` through each version of the client that the application has; the server is a few lines of JSON-RPC. */
export function probeClient(load: Load, name: string): Promise<void> {
  return eachFound(CLIENTS, load, async (exports, [here, there]) => {
    there.onmessage = ({ id, method }) => {
      const hello = { protocolVersion: PROTOCOL, capabilities: { tools: {} }, serverInfo: IMPLEMENTATION };
      if (id !== undefined) void there.send({ jsonrpc: '2.0', id, result: method === 'initialize' ? hello : RESULT });
    };
    await there.start();
    const Client = exports['Client'] as new (implementation: object) => Client;
    const client = new Client(IMPLEMENTATION);
    await client.connect(here);
    await client.callTool({ name, arguments: {} });
    await client.close();
  });
}

/** Has each version of the server that the application has run its tool `name`; the client is a few lines of JSON-RPC. */
export function probeServer(load: Load, name: string): Promise<void> {
  return eachFound(SERVERS, load, async (exports, [here, there]) => {
    const Server = exports['McpServer'] as new (implementation: object) => Server;
    const server = new Server(IMPLEMENTATION);
    server.registerTool(name, {}, () => RESULT);
    await server.connect(there);
    await here.start();
    const request = (id: number, method: string, params: object) =>
      new Promise<void>((resolve) => {
        here.onmessage = (message) => message.id === id && resolve();
        void here.send({ jsonrpc: '2.0', id, method, params });
      });
    await request(1, 'initialize', { protocolVersion: PROTOCOL, capabilities: {}, clientInfo: IMPLEMENTATION });
    await here.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    await request(2, 'tools/call', { name, arguments: {} });
    await server.close();
  });
}

/** @throws the error of loading when the application has none of them */
async function eachFound(
  kinds: readonly (readonly [string, string])[],
  load: Load,
  probe: (exports: Exports, pair: readonly [Transport, Transport]) => Promise<void>,
): Promise<void> {
  const loaded = await Promise.allSettled(kinds.map(([main, transport]) => Promise.all([load(main), load(transport)])));
  const found = loaded.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  if (found.length === 0) throw (loaded[0] as PromiseRejectedResult).reason;
  for (const [exports, transports] of found) {
    const { InMemoryTransport } = transports as { InMemoryTransport: { createLinkedPair(): [Transport, Transport] } };
    await probe(exports, InMemoryTransport.createLinkedPair());
  }
}
